//! Multipart uploads: opened, filled, and turned into an object or dropped.

use std::{fs, io, ops::Bound, path::PathBuf, sync::Arc};

use super::{Blob, Bucket, Conflict, Object, Open, Part, Unkept, Upload, files};

impl Bucket {
    pub(in crate::emulator) fn open_upload(&self, upload: Upload) -> io::Result<()> {
        let dir = self.upload_dir(&upload.id);
        fs::create_dir(&dir)?;
        let head = dir.join("upload.json");
        let made = || {
            files::stage(&head, &upload, self.durable)?.place()?;
            files::sync_parent(&head, self.durable)?;
            files::sync_parent(&dir, self.durable)
        };
        if let Err(cause) = made() {
            // A leftover is swept at the next start. This way it takes no open file, which may be what is lacking.
            let _ = fs::remove_file(&head);
            let _ = fs::remove_dir(&dir);
            return Err(cause);
        }
        let open = Open { upload: Arc::new(upload), changes: 0 };
        self.lock().uploads.insert((open.upload.key.clone(), open.upload.id.clone()), open);
        Ok(())
    }

    /// An unfinished upload by its id and key.
    pub(in crate::emulator) fn upload(&self, id: &str, key: &str) -> Option<Arc<Upload>> {
        self.lock().uploads.get(&name(id, key)).map(|open| Arc::clone(&open.upload))
    }

    /// Unfinished uploads whose keys begin with `prefix`, by key and then by id, from the first that is at or behind a
    /// key and id; as many as are wanted.
    pub(in crate::emulator) fn uploads<T>(
        &self,
        prefix: &str,
        (key, id): (&str, &str),
        mut want: impl FnMut(&Arc<Upload>) -> std::ops::ControlFlow<T>,
    ) -> Option<T> {
        let state = self.lock();
        let first = name(id, key).max((prefix.to_owned(), String::new()));
        state
            .uploads
            .range((Bound::Included(first), Bound::Unbounded))
            .take_while(|((key, _), _)| key.starts_with(prefix))
            .find_map(|(_, open)| want(&open.upload).break_value())
    }

    /// The uploads that were opened before a time, in Unix seconds.
    pub(in crate::emulator) fn opened_before(&self, time: u64) -> Vec<Arc<Upload>> {
        let state = self.lock();
        let open = state.uploads.values().map(|open| &open.upload);
        open.filter(|upload| upload.initiated < time).map(Arc::clone).collect()
    }

    /// Adds a part, instead of an older one of the same number.
    pub(in crate::emulator) fn put_part(&self, upload: &Upload, part: &Part, unkept: Unkept) -> Result<(), Conflict> {
        let file = self.part_file(&upload.id, part.number);
        let staged = match files::stage(&file, part, self.durable) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(Conflict::NoUpload),
            staged => staged?,
        };
        let old = {
            let mut state = self.lock();
            let open = state.uploads.get_mut(&name(&upload.id, &upload.key)).ok_or(Conflict::NoUpload)?;
            let old: Option<Part> = files::read(&file)?;
            staged.place()?;
            open.changes += 1;
            old
        };
        unkept.keep();
        match files::sync_parent(&file, self.durable) {
            // Completed meanwhile: the object's own record is what counts.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            synced => synced?,
        }
        self.discard(old.into_iter().map(|old| old.blob).collect());
        Ok(())
    }

    /// At most so many parts of an upload behind a number, by number.
    pub(in crate::emulator) fn parts(&self, id: &str, after: u32, most: usize) -> io::Result<Vec<Part>> {
        self.each_part(id, after, most)?.collect()
    }

    /// The parts of an upload that are wanted, by number; of the others, which may be many more, only their files.
    pub(in crate::emulator) fn parts_and_rest(
        &self,
        id: &str,
        wanted: impl Fn(&Part) -> bool,
    ) -> io::Result<(Vec<Part>, Vec<Blob>)> {
        let (mut parts, mut rest) = (Vec::new(), Vec::new());
        for part in self.each_part(id, 0, usize::MAX)? {
            let part = part?;
            if wanted(&part) {
                parts.push(part);
            } else {
                rest.push(part.blob);
            }
        }
        Ok((parts, rest))
    }

    /// Parts one by one.
    fn each_part(&self, id: &str, after: u32, most: usize) -> io::Result<impl Iterator<Item = io::Result<Part>>> {
        let mut numbers: Vec<u16> = match fs::read_dir(self.upload_dir(id)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            entries => entries?
                .filter_map(|entry| entry.map(|entry| number_of(&entry)).transpose())
                .collect::<io::Result<_>>()?,
        };
        numbers.retain(|number| u32::from(*number) > after);
        numbers.sort_unstable();
        numbers.truncate(most);
        Ok(numbers.into_iter().filter_map(move |number| files::read(&self.part_file(id, number)).transpose()))
    }

    /// Makes sure that the parts of an upload as they were just seen are permanent.
    pub(in crate::emulator) fn settle_parts(&self, id: &str) -> io::Result<()> {
        // Others may be added all the time, so there is no waiting for a moment without any.
        match files::sync_parent(&self.part_file(id, 1), self.durable) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    /// An unfinished upload, and a mark that changes with its parts.
    pub(in crate::emulator) fn look(&self, id: &str, key: &str) -> Option<u64> {
        self.lock().uploads.get(&name(id, key)).map(|open| open.changes)
    }

    /// Turns an upload into an object of parts that were looked at after [`Self::look`] gave its mark; if one was
    /// replaced since, the caller has to look again, which `Ok(false)` says. The files of its other parts are removed.
    pub(in crate::emulator) fn complete(
        &self,
        upload: &Upload,
        object: &Object,
        (rest, mark): (Vec<Blob>, u64),
        forbid_overwrite: bool,
    ) -> Result<bool, Conflict> {
        let staged = self.stage(object)?;
        let known = self.seen(&object.key)?;
        let change = self.unsynced.begin(&self.object_file(&object.key));
        let placed = {
            let mut state = self.lock();
            let name = name(&upload.id, &upload.key);
            match state.uploads.get(&name) {
                None => return Err(Conflict::NoUpload),
                Some(open) if open.changes != mark => return Ok(false),
                Some(_) => {}
            }
            let placed = self.place(object, staged, known, forbid_overwrite);
            if placed.is_ok() {
                state.uploads.remove(&name);
            }
            placed
        };
        // What is in the way is told of as well.
        change.settle(self.durable)?;
        let old = placed?;
        // From here on the object counts, whatever happens: a crash leaves an upload that the next start sweeps.
        let _ = self.drop_upload(&upload.id);
        self.discard(old);
        self.discard(rest);
        Ok(true)
    }

    /// Drops an upload and its parts; `false` if it was not there.
    ///
    /// It is there for all others until it is gone from the disk too, so that an Abort that fails hides no upload that
    /// lives on.
    pub(in crate::emulator) fn abort(&self, id: &str, key: &str) -> io::Result<bool> {
        let name = name(id, key);
        let Some(mark) = self.look(id, key) else { return Ok(false) };
        let blobs = || self.each_part(id, 0, usize::MAX)?.map(|part| Ok(part?.blob)).collect::<io::Result<Vec<Blob>>>();
        let seen = blobs()?;
        let head = self.upload_dir(id).join("upload.json");
        let changed = {
            let mut state = self.lock();
            let Some(open) = state.uploads.get(&name) else { return Ok(false) };
            let changed = open.changes != mark;
            fs::remove_file(&head)?;
            state.uploads.remove(&name);
            changed
        };
        // From here on it is gone, also if that cannot be confirmed.
        files::sync_parent(&head, self.durable)?;
        // Parts that came meanwhile; what cannot be read is swept at the next start.
        let blobs = if changed { blobs().unwrap_or(seen) } else { seen };
        let _ = fs::remove_dir_all(self.upload_dir(id));
        self.discard(blobs);
        Ok(true)
    }

    /// `upload.json` goes first, and for good: without it the upload is gone.
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

/// The number of a part by its record.
fn number_of(record: &fs::DirEntry) -> Option<u16> {
    record.file_name().to_str()?.strip_suffix(".json")?.parse().ok()
}

/// What an upload is found by. An id of a request never becomes part of a path before it was found here.
fn name(id: &str, key: &str) -> (String, String) {
    (key.to_owned(), id.to_owned())
}
