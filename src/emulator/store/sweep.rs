//! What a start finds: the unfinished uploads, and what a crash left.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsStr,
    fs, io,
    path::Path,
    sync::Arc,
};

use super::{Object, Open, Part, Upload, files, unique::Unique};

/// Removes uploads that did become objects, half-written records, and files that no record names; returns the unfinished
/// uploads by key and id. Each record is read once.
pub(super) fn sweep(bucket: &Path) -> io::Result<BTreeMap<(String, String), Open>> {
    let mut blobs: HashSet<Unique> = HashSet::new();
    for path in files::list(&bucket.join("blobs"))? {
        match Unique::parse(name_of(&path)) {
            Some(name) => drop(blobs.insert(name)),
            None => fs::remove_file(path)?,
        }
    }
    // Those that no record has named so far.
    let mut unnamed = blobs.clone();
    let mut completed = HashSet::new();
    for path in files::list(&bucket.join("objects"))? {
        if is_half_written(&path) {
            fs::remove_file(path)?;
        } else if let Some(object) = files::read::<Object>(&path)? {
            for blob in &object.blobs {
                unnamed.remove(&blob.name);
            }
            completed.extend(object.upload_id);
        }
    }
    let mut open = BTreeMap::new();
    for dir in files::list(&bucket.join("uploads"))? {
        let over = completed.contains(name_of(&dir));
        let upload: Option<Upload> = if over { None } else { files::read(&dir.join("upload.json"))? };
        let Some(upload) = upload else {
            fs::remove_dir_all(dir)?;
            continue;
        };
        let mut named = Vec::new();
        for path in files::list(&dir)? {
            if is_half_written(&path) {
                fs::remove_file(path)?;
            } else if name_of(&path) != "upload.json"
                && let Some(part) = files::read::<Part>(&path)?
            {
                named.push(part.blob.name);
            }
        }
        // Its object was replaced, and the object's files were removed, before the upload itself was.
        if named.iter().any(|name| !blobs.contains(name)) {
            fs::remove_dir_all(dir)?;
            continue;
        }
        for name in &named {
            unnamed.remove(name);
        }
        open.insert((upload.key.clone(), upload.id.clone()), Open { upload: Arc::new(upload), changes: 0 });
    }
    for name in unnamed {
        fs::remove_file(bucket.join("blobs").join(name.to_string()))?;
    }
    Ok(open)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_half_written(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tmp")
}
