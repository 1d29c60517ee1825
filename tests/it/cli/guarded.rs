//! The memory of a running upload, which holds the key, is for nobody to read: neither in a core file nor through the
//! system, and not even by the same user.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::ExitStatusExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::process::{Signal, geteuid};
use sealift::emulator::FaultPlan;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::shell::{PROGRAM, Shell, signal};
use crate::support::pattern;

/// Nobody: what tests that run as root become, because to root everything is open.
const NOBODY: u32 = 65534;

/// A user without privileges, with the program and a home where it can reach them.
struct User {
    folder: TempDir,
    id: u32,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let id = if geteuid().is_root() { NOBODY } else { geteuid().as_raw() };
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(PROGRAM, folder.path().join("sealift")).unwrap();
        fs::set_permissions(folder.path().join("sealift"), fs::Permissions::from_mode(0o755)).unwrap();
        let user = Self { folder, id };
        fs::create_dir(user.home()).unwrap();
        user.owns(&user.home());
        user
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn owns(&self, path: &Path) {
        chown(path, Some(self.id), Some(self.id)).unwrap();
    }

    /// A file in the home that only this user can read.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self.owns(&path);
        path
    }

    /// A command of this user, in its home, who would like cores of any size.
    fn runs(&self, shell: &Shell, script: &str) -> Command {
        let mut command = shell.command_of(Path::new("/bin/sh"), &["-c", script]);
        command.current_dir(self.home()).env("HOME", self.home());
        if geteuid().is_root() {
            command.uid(self.id).gid(self.id);
        }
        command
    }

    /// Whether this user can read what the system tells only those who may look into a process.
    async fn reads(&self, shell: &Shell, pid: u32, what: &str) -> bool {
        let script = format!("head -c 1 /proc/{pid}/{what} > /dev/null");
        self.runs(shell, &script).output().await.unwrap().status.success()
    }

    fn cores(&self) -> Vec<String> {
        let names = fs::read_dir(self.home()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("core")).collect()
    }
}

/// An upload under a customer key that does not end, run by that user.
async fn running(shell: &Shell, user: &User) -> Child {
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).delay(600_000));
    let source = user.file("f", &pattern(2 << 20, 1));
    let key = user.file("my.key", &[0x5a; 32]);
    let authority = fs::read(shell.store.emulator.ca_cert().unwrap()).unwrap();
    let authority = user.file("ca.pem", &authority);
    let script = format!(
        "ulimit -c \"$(ulimit -H -c)\"; exec {}/sealift put {} {} --sse-key file:{} --part-size 1MiB",
        user.folder.path().display(),
        source.display(),
        shell.url("f"),
        key.display(),
    );
    let mut command = user.runs(shell, &script);
    command.env("SEALIFT_CA_CERT", authority);
    let child = command.spawn().unwrap();
    shell.until_seen("UploadPart").await;
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_into_a_running_upload_not_even_its_own_user() {
    let (shell, user) = (Shell::new().await, User::new());
    let mut open = user.runs(&shell, "exec sleep 600").spawn().unwrap();
    let mut upload = running(&shell, &user).await;
    let [open_id, upload_id] = [&open, &upload].map(|child| child.id().unwrap());
    let owner = |id: u32, what: &str| fs::metadata(format!("/proc/{id}/{what}")).unwrap().uid();
    for what in ["environ", "maps", "mem"] {
        assert_eq!(owner(open_id, what), user.id, "an ordinary process is its user's");
        assert_eq!(owner(upload_id, what), 0, "{what}");
    }
    for what in ["environ", "maps"] {
        assert!(user.reads(&shell, open_id, what).await, "an ordinary process can be read");
        assert!(!user.reads(&shell, upload_id, what).await, "{what}");
    }
    assert!(!user.reads(&shell, upload_id, "mem").await);
    // The tool that would write one is not everywhere; what it needs is refused above.
    let script = format!("command -v gcore > /dev/null || exit 1; gcore -o cores {upload_id}");
    assert!(!user.runs(&shell, &script).output().await.unwrap().status.success());
    assert_eq!(user.cores(), Vec::<String>::new());
    upload.kill().await.unwrap();
    open.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_aborts_leaves_no_core_file() {
    let (shell, user) = (Shell::new().await, User::new());
    let mut upload = running(&shell, &user).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", upload.id().unwrap())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    signal(&upload, Signal::ABORT);
    let status = upload.wait().await.unwrap();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
    assert_eq!(user.cores(), Vec::<String>::new());
}
