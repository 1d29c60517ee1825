//! Keeps keys out of core files and away from other processes of the same user.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core files and, on Linux, reading this process's memory through `/proc` or a debugger.
///
/// # Errors
/// A sentence for the user, if the system refuses; the work can go on without.
pub(super) fn process() -> Result<(), String> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|error| format!("core files cannot be forbidden, so a crash could write keys to disk: {error}"))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| format!("other processes of this user cannot be kept from reading keys here: {error}"))?;
    Ok(())
}
