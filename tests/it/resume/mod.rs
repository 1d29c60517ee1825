//! Uploads that end before their time, and the same request that goes on.

mod endings;
mod identity;
mod journals;
mod model;
mod realms;
mod settled;
mod stages;
mod store;
mod tokens;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sealift::{
    emulator::FaultPlan,
    error::{Error, Result},
    sse::SseContext,
    transfer::{
        Concurrency, Receipt, UploadRequest,
        journal::{Known, Standing, StateDir},
    },
};

use crate::upload::rig::{MIB, Rig};

/// Parts of the file.
const PARTS: u16 = 6;

/// A store, a file of six parts, and a place for journals.
struct Desk {
    rig: Rig,
    sse: SseContext,
}

impl Desk {
    async fn new(sse: &SseContext) -> Self {
        Self { rig: Rig::new(usize::from(PARTS) * MIB - 5).await, sse: sse.clone() }
    }

    fn place(&self) -> PathBuf {
        self.rig.store.dir.path().join("state")
    }

    fn state(&self) -> StateDir {
        StateDir::at(self.place())
    }

    /// One part at a time, so that it is known which are there.
    fn request(&self) -> UploadRequest {
        self.rig.request().sse(self.sse.clone()).journal(self.state()).concurrency(Concurrency::Fixed(1))
    }

    async fn run(&self) -> Result<Receipt> {
        self.send(self.request()).await
    }

    async fn send(&self, request: UploadRequest) -> Result<Receipt> {
        self.rig.uploader.upload(request).await
    }

    fn faults(&self, plan: FaultPlan) {
        self.rig.store.emulator.set_faults(plan);
    }

    /// Stops an upload after so many parts: the credentials are refused from then on. Only that is reset.
    async fn stopped_after(&self, parts: u16) -> Error {
        self.faults(FaultPlan::new().on("UploadPart").part(parts + 1).answer(403, "AccessDenied"));
        let error = self.run().await.unwrap_err();
        self.faults(FaultPlan::new());
        assert!(error.is_resumable(), "{error:?}");
        assert_eq!(self.known().parts.len(), usize::from(parts));
        error
    }

    /// What the only journal tells.
    #[track_caller]
    fn known(&self) -> Known {
        let mut listed = self.state().list().unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert!(listed[0].holder.is_none(), "the lock is free");
        listed.pop().unwrap().known.unwrap().expect("an upload was begun")
    }

    /// The numbers of all parts that were sent to the store so far and arrived.
    fn sent(&self) -> Vec<u16> {
        self.rig.seen("UploadPart").iter().filter(|it| it.status == 200).map(|it| it.part.unwrap()).collect()
    }

    /// Makes sure that the object is the file, and that nothing else is left: no upload, no journal, no lock.
    async fn done(&self, outcome: Result<Receipt>) -> Receipt {
        let receipt = outcome.unwrap();
        self.rig.same(&self.rig.read(&self.sse).await.unwrap());
        assert_eq!(self.rig.unfinished().await, 0);
        self.nothing_kept();
        receipt
    }

    #[track_caller]
    fn nothing_kept(&self) {
        let left: Vec<_> = fs::read_dir(self.place()).map(Iterator::collect).unwrap_or_default();
        assert!(left.is_empty(), "{left:?}");
    }

    /// The bytes of the only journal.
    fn journal(&self) -> Vec<u8> {
        fs::read(&self.state().list().unwrap()[0].path).unwrap()
    }

    /// Makes the object, and leaves what a process leaves that was killed after its Complete had been sent.
    async fn killed_at_complete(&self) {
        self.faults(FaultPlan::new().on("Complete").answer(403, "AccessDenied"));
        assert!(self.run().await.unwrap_err().is_resumable());
        self.faults(FaultPlan::new());
        assert_eq!(self.known().stage, Standing::Completing);
        let (journal, path) = (self.journal(), self.state().list().unwrap()[0].path.clone());
        self.run().await.unwrap();
        put_back(&journal, &path);
    }
}

/// Puts a journal back as it was, as if the disk had lost everything since.
fn put_back(journal: &[u8], path: &Path) {
    fs::write(path, journal).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
