//! Multipart uploads: opened, filled, and turned into an object or dropped.

use std::{collections::HashSet, fs, io, path::PathBuf};

use super::{Bucket, Conflict, Object, Part, Unkept, Upload, files};

impl Bucket {
    pub(in crate::emulator) fn open_upload(&self, upload: &Upload) -> io::Result<()> {
        let dir = self.upload_dir(&upload.id);
        fs::create_dir(&dir)?;
        files::stage(&dir.join("upload.json"), upload, self.durable)?.place()?;
        files::sync_parent(&dir, self.durable)
    }

    /// An unfinished upload by its id and key.
    pub(in crate::emulator) fn upload(&self, id: &str, key: &str) -> io::Result<Option<Upload>> {
        if !is_id(id) {
            return Ok(None);
        }
        let upload: Option<Upload> = files::read(&self.upload_dir(id).join("upload.json"))?;
        Ok(upload.filter(|upload| upload.key == key))
    }

    /// All unfinished uploads whose keys begin with `prefix`, by key and then by id.
    pub(in crate::emulator) fn uploads(&self, prefix: &str) -> io::Result<Vec<Upload>> {
        let mut uploads = Vec::new();
        for dir in files::list(&self.dir.join("uploads"))? {
            if let Some(upload) = files::read::<Upload>(&dir.join("upload.json"))?
                && upload.key.starts_with(prefix)
            {
                uploads.push(upload);
            }
        }
        uploads.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        Ok(uploads)
    }

    /// Adds a part, instead of an older one of the same number.
    pub(in crate::emulator) fn put_part(&self, upload: &Upload, part: &Part, unkept: Unkept) -> Result<(), Conflict> {
        let file = self.part_file(&upload.id, part.number);
        let staged = match files::stage(&file, part, self.durable) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(Conflict::NoUpload),
            staged => staged?,
        };
        let mut state = self.lock();
        if self.upload(&upload.id, &upload.key)?.is_none() {
            return Err(Conflict::NoUpload);
        }
        let old: Option<Part> = files::read(&file)?;
        staged.place()?;
        unkept.keep();
        if let Some(old) = old {
            self.discard(&mut state, vec![old.blob]);
        }
        Ok(())
    }

    /// The parts of an upload by number.
    pub(in crate::emulator) fn parts(&self, id: &str) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        let paths = match files::list(&self.upload_dir(id)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(parts),
            paths => paths?,
        };
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let numbered = name.strip_suffix(".json").is_some_and(|stem| stem.parse::<u16>().is_ok());
            if numbered && let Some(part) = files::read::<Part>(&path)? {
                parts.push(part);
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    /// Turns an upload into an object of exactly the parts that `object` was made from.
    ///
    /// `parts` are those that were looked at; if one was replaced since, the caller has to look again, which
    /// `Ok(false)` says.
    pub(in crate::emulator) fn complete(
        &self,
        upload: &Upload,
        object: &Object,
        looked_at: &[Part],
        forbid_overwrite: bool,
    ) -> Result<bool, Conflict> {
        let staged = self.stage(object)?;
        let mut state = self.lock();
        if self.upload(&upload.id, &upload.key)?.is_none() {
            return Err(Conflict::NoUpload);
        }
        let parts = self.parts(&upload.id)?;
        if !parts.iter().map(|part| &part.blob.name).eq(looked_at.iter().map(|part| &part.blob.name)) {
            return Ok(false);
        }
        self.place(&mut state, object, staged, forbid_overwrite)?;
        // From here on the object counts, whatever happens: a crash leaves an upload that the next start sweeps.
        self.drop_upload(&upload.id)?;
        let used: HashSet<&str> = object.blobs.iter().map(|blob| blob.name.as_str()).collect();
        let unused =
            parts.into_iter().map(|part| part.blob).filter(|blob| !used.contains(blob.name.as_str())).collect();
        self.discard(&mut state, unused);
        Ok(true)
    }

    /// Drops an upload and its parts; `false` if it was not there.
    pub(in crate::emulator) fn abort(&self, id: &str, key: &str) -> io::Result<bool> {
        let mut state = self.lock();
        if self.upload(id, key)?.is_none() {
            return Ok(false);
        }
        let blobs = self.parts(id)?.into_iter().map(|part| part.blob).collect();
        self.drop_upload(id)?;
        self.discard(&mut state, blobs);
        Ok(true)
    }

    /// `upload.json` goes first: without it the upload is gone.
    fn drop_upload(&self, id: &str) -> io::Result<()> {
        let dir = self.upload_dir(id);
        files::remove(&dir.join("upload.json"), self.durable)?;
        // The rest is swept at the next start if this fails, as when a part is just being staged.
        let _ = fs::remove_dir_all(&dir);
        Ok(())
    }

    fn upload_dir(&self, id: &str) -> PathBuf {
        self.dir.join("uploads").join(id)
    }

    fn part_file(&self, id: &str, number: u16) -> PathBuf {
        self.upload_dir(id).join(format!("{number:05}.json"))
    }
}

/// Whether a text could be one of our upload ids, so that it may be part of a path.
fn is_id(text: &str) -> bool {
    text.len() == 74 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
