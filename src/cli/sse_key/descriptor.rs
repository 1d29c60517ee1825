//! `fd:N`: a descriptor that this process was started with.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    os::fd::{AsFd as _, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

/// An inherited descriptor, to be read from where it stands.
#[derive(Debug)]
pub(super) struct Descriptor(pub(super) File);

impl Descriptor {
    /// Takes a second hold of it.
    ///
    /// # Errors
    /// `EBADF` if the process was not started with it; `InvalidInput` for what nobody should wait for.
    pub(super) fn of(number: u32) -> io::Result<Self> {
        let file = File::from(match number {
            0 => io::stdin().as_fd().try_clone_to_owned()?,
            1 | 2 => return Err(unfit("the program itself writes to it")),
            _ => duplicate(number)?,
        });
        if file.is_terminal() {
            return Err(unfit("it is a terminal, which would show the key"));
        }
        Ok(Self(file))
    }
}

impl Read for Descriptor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                // Whoever passed it on may have made it so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None)?;
                }
                read => return read,
            }
        }
    }
}

/// The error for what is open, but no place for a key.
pub(super) fn unfit(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// A duplicate of the descriptor itself. Opening it again by its name asks for permissions anew, begins at the start of
/// a file, and is impossible for a socket; `dup` by number alone is unsafe code. `pidfd_getfd` is neither, and a process
/// may always ask it of itself: <https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html>.
#[cfg(target_os = "linux")]
fn duplicate(number: u32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let raw = i32::try_from(number).map_err(|_| Errno::BADF)?;
    if !inherited(number) {
        return Err(Errno::BADF.into());
    }
    let process = pidfd_open(getpid(), PidfdFlags::empty());
    match process.and_then(|process| pidfd_getfd(process, raw, PidfdGetfdFlags::empty())) {
        Ok(descriptor) => Ok(descriptor),
        // A kernel before 5.6, or a container that filters the call.
        Err(Errno::NOSYS | Errno::PERM) => File::open(format!("/proc/self/fd/{number}")).map(OwnedFd::from),
        Err(error) => Err(error.into()),
    }
}

/// Elsewhere opening this name duplicates the descriptor.
#[cfg(not(target_os = "linux"))]
fn duplicate(number: u32) -> io::Result<OwnedFd> {
    File::open(format!("/dev/fd/{number}")).map(OwnedFd::from)
}

/// Whether the number is open, and not one that this process has opened itself: those are all to be closed on exec.
#[cfg(target_os = "linux")]
fn inherited(number: u32) -> bool {
    let text = match std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) {
        Ok(text) => text,
        // Without /proc nobody knows.
        Err(error) => {
            return error.kind() != io::ErrorKind::NotFound || !std::fs::exists("/proc/self").unwrap_or(false);
        }
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_none_or(|flags| flags & rustix::fs::OFlags::CLOEXEC.bits() == 0)
}
