//! `uploads`: what was begun and never finished, in the store and in the journals here.
//!
//! The store tells which uploads are open; the journals tell whose they are. The journals are read after the store's
//! list, because every upload is in its journal before it is in the store: what a living process has begun is never
//! taken for nobody's.

mod abort;
mod journals;
mod list;
mod survey;

use self::survey::Scope;
use super::{
    args::{KeyArgs, StateDirArgs, StoreArgs, UploadsCommand},
    block_on,
    console::Console,
    drive,
    signals::Signals,
    sse_key, store,
};
use crate::{
    error::Result,
    ident::ObjectUrl,
    sse::SseContext,
    transfer::{Uploader, UploaderOptions, journal::StateDir},
    transport::StoreClient,
};

/// Shows or removes unfinished uploads.
pub(super) fn run(command: &UploadsCommand, console: &Console) -> Result<()> {
    match command {
        UploadsCommand::List(args) => list::run(args, console),
        UploadsCommand::Abort(args) => abort::run(args, console),
    }
}

/// What both commands start from.
struct Place {
    scope: Scope,
    client: StoreClient,
    journals: Option<StateDir>,
    /// The customer key that uploads may be under, if one was given.
    sse: SseContext,
}

impl Place {
    fn new(url: &str, key: &KeyArgs, at: &StateDirArgs, store: &StoreArgs, console: &Console) -> Result<Self> {
        let url: ObjectUrl = url.parse()?;
        let sse = key.sse();
        let client = store::client(&url, store, &sse, None)?;
        let sse = sse_key::context(url.dialect, &sse, console)?;
        let journals = match &at.state_dir {
            Some(path) => Some(StateDir::at(path)),
            None => StateDir::usual()
                .inspect_err(|_| console.warn("HOME is not set, so that no journals are looked for"))
                .ok(),
        };
        Ok(Self { scope: Scope::new(url, client.address())?, client, journals, sse })
    }
}

/// Runs calls to the store on threads of their own; a signal drops them where they wait.
fn until_stopped<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    console: &Console,
) -> Result<T> {
    let uploader = Uploader::new(UploaderOptions::default())?;
    block_on(async {
        let mut signals = Signals::listen(console)?;
        drive::or_stopped(async { uploader.run(work).await? }, &mut signals).await
    })
}
