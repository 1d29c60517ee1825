//! `get`: an object becomes a file, checked.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    args::GetArgs,
    block_on,
    console::{Console, printable},
    drive,
    explain::Explainer,
    report,
    signals::Signals,
    sse_key, stat, store,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, ObjectUrl},
    transfer::{DownloadRequest, Uploader, UploaderOptions},
    transport::RequestObserver,
};

/// Downloads an object.
pub(super) fn run(args: &GetArgs, console: &Console) -> Result<()> {
    let url: ObjectUrl = args.of.url.parse()?;
    let key = url.key()?;
    let target = target(Path::new(&args.target), &key)?;
    let sse = sse_key::context(url.dialect, &args.of.sse, console)?;
    let explainer = Explainer::new(args.of.explain, console);
    let observer = Some(Arc::clone(&explainer) as Arc<dyn RequestObserver>);
    let client = store::client(&url, &args.of.store, &args.of.sse, observer)?;
    let uploader = Uploader::new(UploaderOptions::default())?;
    let request = match &target {
        Some(path) => DownloadRequest::new(client, key, path),
        None => DownloadRequest::to_stdout(client, key),
    };
    let request = request.sse(sse.clone());
    let outcome = block_on(async {
        let mut signals = Signals::listen(console)?;
        drive::to_the_end(uploader.download(request), console, &mut signals).await
    });
    explainer.sum_up();
    let receipt = outcome.map_err(|error| stat::perhaps_encrypted(error, &sse))?;
    match (&target, console.json()) {
        (Some(_), true) => console.value(&receipt),
        (Some(_), false) if console.quiet() => {
            receipt.warnings.iter().for_each(|warning| console.warn(warning));
            Ok(())
        }
        (Some(_), false) => console.data(printable(&report::downloaded(&receipt)).as_bytes()),
        // The object itself is on stdout.
        (None, true) => {
            console.complain_value(&serde_json::json!({ "receipt": receipt }));
            Ok(())
        }
        (None, false) => {
            console.note(report::downloaded(&receipt).trim_end());
            Ok(())
        }
    }
}

/// The file to write, or nothing for stdout.
fn target(asked: &Path, key: &ObjectKey) -> Result<Option<PathBuf>> {
    if asked.as_os_str() == "-" {
        return Ok(None);
    }
    let into_folder = asked.is_dir() || asked.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !into_folder {
        return Ok(Some(asked.to_owned()));
    }
    let name = key.as_str().rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name.contains('\0') {
        return Err(Error::new(ErrorKind::Config, format!("the key {:?} does not end in a file name", key.as_str()))
            .with_hint("name the file to write"));
    }
    Ok(Some(asked.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn a_folder_gets_a_file_of_the_objects_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let to = |asked: &str, key: &str| target(Path::new(asked), &ObjectKey::new(Dialect::Cos, key).unwrap());
        let here = folder.path().to_str().unwrap();
        assert_eq!(to(here, "a/b.bin").unwrap(), Some(folder.path().join("b.bin")));
        assert_eq!(to("new/", "a/b.bin").unwrap(), Some(PathBuf::from("new/b.bin")));
        assert_eq!(to("file", "a/b.bin").unwrap(), Some(PathBuf::from("file")));
        assert_eq!(to("-", "a/b.bin").unwrap(), None);
        assert_eq!(to(here, "a/").unwrap_err().kind(), ErrorKind::Config);
    }
}
