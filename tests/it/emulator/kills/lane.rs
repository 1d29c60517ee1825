//! One connection's load, and what the store owes it.

use std::{collections::BTreeMap, fmt::Debug};

use crate::{
    emulator::raw::{Headers, Raw, Said, customer, element, managed},
    support::pattern,
};

const KEY: [u8; 32] = [0x5a; 32];

/// Bytes that nothing else in the test has.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    seed: u64,
    len: usize,
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        pattern(self.len, self.seed)
    }
}

/// The encryption of an object or upload.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    None,
    Managed,
    Customer,
}

impl Mode {
    fn opening(self) -> Headers {
        if self == Self::Managed { managed() } else { self.later() }
    }

    fn later(self) -> Headers {
        if self == Self::Customer { customer(&KEY) } else { Headers::new() }
    }
}

/// An object as it was made: by one PUT, or of parts.
#[derive(Clone, Debug, PartialEq)]
struct Object {
    mode: Mode,
    pieces: Vec<Piece>,
}

/// What is known of a key: what was acknowledged, and what was being done when the store died.
#[derive(Debug, Default)]
struct Known {
    acknowledged: Option<Object>,
    /// What it would have become: one at most.
    doubtful: Vec<Option<Object>>,
}

#[derive(Debug)]
struct Upload {
    id: String,
    key: String,
    mode: Mode,
    parts: BTreeMap<u32, (String, Piece)>,
    /// Parts that were on their way.
    doubtful: Vec<(u32, Piece)>,
    ending: Option<Ending>,
}

/// A call that ends an upload and was not answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Complete,
    Abort,
}

/// How much was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acknowledged {
    pub(super) puts: u64,
    pub(super) deletes: u64,
    pub(super) parts: u64,
    pub(super) completes: u64,
    pub(super) aborts: u64,
    /// Calls that were under way when the store died.
    pub(super) doubtful: u64,
}

/// A client that does one thing, or a few parts, at a time.
#[derive(Debug)]
pub(super) struct Lane {
    index: u64,
    state: u64,
    objects: BTreeMap<String, Known>,
    uploads: Vec<Upload>,
    /// Keys and ids of uploads whose end was acknowledged.
    ended: Vec<(String, String)>,
    /// Keys under which an upload was perhaps opened.
    perhaps_opened: Vec<String>,
    pub(super) acknowledged: Acknowledged,
}

impl Lane {
    pub(super) fn new(seed: u64, index: u64) -> Self {
        Self {
            index,
            state: (seed << 8 | index).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            objects: BTreeMap::new(),
            uploads: Vec::new(),
            ended: Vec::new(),
            perhaps_opened: Vec::new(),
            acknowledged: Acknowledged::default(),
        }
    }

    fn chance(&mut self, most: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) % most
    }

    fn piece(&mut self) -> Piece {
        let most = if self.chance(4) == 0 { 1_500_000 } else { 70_000 };
        Piece { seed: self.chance(u64::MAX), len: usize::try_from(1 + self.chance(most)).unwrap() }
    }

    fn mode(&mut self) -> Mode {
        [Mode::None, Mode::Managed, Mode::Customer][usize::try_from(self.chance(3)).unwrap()]
    }

    /// Works until the store dies.
    pub(super) async fn load(&mut self, raw: &Raw) {
        while self.step(raw).await.is_some() {}
        self.acknowledged.doubtful += 1;
    }

    async fn step(&mut self, raw: &Raw) -> Option<()> {
        let (index, which) = (self.index, self.chance(3));
        let key = format!("lane-{index}/{which}");
        match self.chance(12) {
            0..=2 => self.put(raw, key).await,
            3 => self.delete(raw, key).await,
            4 if self.uploads.len() > 1 => self.abort(raw).await,
            5 | 6 if self.uploads.first().is_some_and(|upload| !upload.parts.is_empty()) => self.complete(raw).await,
            _ if self.uploads.is_empty() || self.chance(8) == 0 && self.uploads.len() < 3 => self.open(raw, key).await,
            _ => self.parts(raw).await,
        }
    }

    async fn put(&mut self, raw: &Raw, key: String) -> Option<()> {
        let object = Object { mode: self.mode(), pieces: vec![self.piece()] };
        let known = self.objects.entry(key.clone()).or_default();
        known.doubtful = vec![Some(object.clone())];
        raw.try_send("PUT", &key, &[], &object.mode.opening(), &object.pieces[0].bytes()).await?.ok();
        *known = Known { acknowledged: Some(object), doubtful: Vec::new() };
        self.acknowledged.puts += 1;
        Some(())
    }

    async fn delete(&mut self, raw: &Raw, key: String) -> Option<()> {
        let known = self.objects.entry(key.clone()).or_default();
        known.doubtful = vec![None];
        raw.try_send("DELETE", &key, &[], &[], &[]).await?.ok();
        *known = Known::default();
        self.acknowledged.deletes += 1;
        Some(())
    }

    async fn open(&mut self, raw: &Raw, key: String) -> Option<()> {
        let mode = self.mode();
        self.perhaps_opened.push(key.clone());
        let said = raw.try_send("POST", &key, &[("uploads", "")], &mode.opening(), &[]).await?.ok();
        self.perhaps_opened.pop();
        let id = said.element("UploadId").unwrap();
        self.uploads.push(Upload { id, key, mode, parts: BTreeMap::new(), doubtful: Vec::new(), ending: None });
        Some(())
    }

    /// Up to three parts at once, new ones or in place of older ones.
    async fn parts(&mut self, raw: &Raw) -> Option<()> {
        let which = usize::try_from(self.chance(self.uploads.len() as u64)).unwrap();
        let next = u32::try_from(self.uploads[which].parts.len()).unwrap() + 1;
        let first = if self.chance(3) == 0 { 1 } else { next };
        let count = u32::try_from(1 + self.chance(3)).unwrap();
        let sent: Vec<(u32, Piece)> = (first..first + count).map(|number| (number, self.piece())).collect();
        let upload = &mut self.uploads[which];
        upload.doubtful.clone_from(&sent);
        let (mode, id, key) = (upload.mode.later(), upload.id.clone(), upload.key.clone());
        let calls = sent.iter().map(|(number, piece)| {
            let (number, bytes) = (number.to_string(), piece.bytes());
            let (mode, id, key) = (&mode, &id, &key);
            async move {
                let params = [("partNumber", &*number), ("uploadId", &**id)];
                raw.try_send("PUT", key, &params, mode, &bytes).await
            }
        });
        let answers = futures::future::join_all(calls).await;
        let mut all = true;
        for ((number, piece), said) in sent.into_iter().zip(answers) {
            let Some(said) = said else {
                all = false;
                continue;
            };
            upload.doubtful.retain(|(doubtful, _)| *doubtful != number);
            upload.parts.insert(number, (said.ok().etag().to_owned(), piece));
            self.acknowledged.parts += 1;
        }
        all.then_some(())
    }

    async fn complete(&mut self, raw: &Raw) -> Option<()> {
        let upload = &mut self.uploads[0];
        let most = u64::try_from(upload.parts.len()).unwrap();
        let listed: Vec<(u32, String, Piece)> = (1..)
            .zip(&upload.parts)
            .take_while(|(expected, (number, _))| expected == *number)
            .map(|(number, (_, (etag, piece)))| (number, etag.clone(), piece.clone()))
            .collect();
        if listed.is_empty() {
            return self.abort(raw).await;
        }
        upload.ending = Some(Ending::Complete);
        let (key, id, mode) = (upload.key.clone(), upload.id.clone(), upload.mode);
        let keep = usize::try_from(1 + self.chance(most)).unwrap();
        let listed = &listed[..keep.min(listed.len())];
        let object = Object { mode, pieces: listed.iter().map(|(_, _, piece)| piece.clone()).collect() };
        self.objects.entry(key.clone()).or_default().doubtful = vec![Some(object.clone())];
        let parts: Vec<(u32, String)> = listed.iter().map(|(number, etag, _)| (*number, etag.clone())).collect();
        let body = crate::emulator::raw::complete_body(&parts);
        let said = raw.try_send("POST", &key, &[("uploadId", &id)], &[], body.as_bytes()).await?.ok();
        assert!(said.element("ETag").is_some(), "{}", said.text());
        self.objects.insert(key.clone(), Known { acknowledged: Some(object), doubtful: Vec::new() });
        self.uploads.remove(0);
        self.ended.push((key, id));
        self.acknowledged.completes += 1;
        Some(())
    }

    async fn abort(&mut self, raw: &Raw) -> Option<()> {
        let upload = &mut self.uploads[0];
        upload.ending = Some(Ending::Abort);
        raw.try_send("DELETE", &upload.key, &[("uploadId", &upload.id)], &[], &[]).await?.ok();
        let upload = self.uploads.remove(0);
        self.ended.push((upload.key, upload.id));
        self.acknowledged.aborts += 1;
        Some(())
    }

    /// Looks at everything after a restart: what was acknowledged is there and whole, what was doubtful is there whole
    /// or not at all.
    pub(super) async fn settle(&mut self, raw: &Raw) {
        for (key, known) in &mut self.objects {
            let possible: Vec<&Option<Object>> = known.doubtful.iter().chain([&known.acknowledged]).collect();
            let mut found = None;
            for object in possible {
                if is_there(raw, key, object.as_ref()).await {
                    found = Some(object.clone());
                    break;
                }
            }
            let found = found.unwrap_or_else(|| panic!("{key} is not what was acknowledged: {known:?}"));
            *known = Known { acknowledged: found, doubtful: Vec::new() };
        }
        let mut alive = Vec::new();
        for mut upload in std::mem::take(&mut self.uploads) {
            let said = raw.list_parts(&upload.key, &upload.id, &[]).await;
            if said.status == 404 {
                assert!(upload.ending.is_some(), "an upload is gone: {upload:?}");
                if upload.ending == Some(Ending::Complete) {
                    let object = self.objects[&upload.key].acknowledged.as_ref();
                    let listed = object.is_some_and(|object| {
                        upload.parts.values().any(|(_, piece)| object.pieces.first() == Some(piece))
                    });
                    assert!(listed, "the upload is over, and its object is not there: {upload:?}");
                }
                continue;
            }
            upload.settle(&said.ok());
            alive.push(upload);
        }
        self.uploads = alive;
        for (key, id) in self.ended.iter().rev().take(5) {
            raw.list_parts(key, id, &[]).await.refused(404, "NoSuchUpload");
        }
        self.remove_strangers(raw).await;
    }

    /// Uploads whose Initiate was not answered: at most one for each, and empty.
    async fn remove_strangers(&mut self, raw: &Raw) {
        let prefix = format!("lane-{}/", self.index);
        let listed = raw.send("GET", "", &[("uploads", ""), ("prefix", &prefix)], &[], &[]).await.ok();
        for upload in all(&listed, "Upload") {
            let (key, id) = (element(&upload, "Key").unwrap(), element(&upload, "UploadId").unwrap());
            if self.uploads.iter().any(|known| known.id == id) {
                continue;
            }
            let perhaps = self.perhaps_opened.iter().position(|perhaps| perhaps == key);
            self.perhaps_opened.remove(perhaps.unwrap_or_else(|| panic!("nobody opened {upload}")));
            assert_eq!(all(&raw.list_parts(key, id, &[]).await.ok(), "Part").len(), 0, "nobody sent it a part");
            raw.abort(key, id).await.ok();
        }
        self.perhaps_opened.clear();
    }

    /// How many files the bytes of this lane are in.
    pub(super) fn blobs(&self) -> usize {
        let objects = self.objects.values().filter_map(|known| Some(known.acknowledged.as_ref()?.pieces.len()));
        objects.chain(self.uploads.iter().map(|upload| upload.parts.len())).sum()
    }
}

impl Upload {
    /// Compares the list of parts with what was acknowledged and what was on its way.
    fn settle(&mut self, said: &Said) {
        let listed: BTreeMap<u32, (String, usize)> = all(said, "Part")
            .iter()
            .map(|part| {
                let text = |name| element(part, name).unwrap();
                let etag = text("ETag").replace("&quot;", "");
                (text("PartNumber").parse().unwrap(), (etag, text("Size").parse().unwrap()))
            })
            .collect();
        let mut found = BTreeMap::new();
        for (number, (etag, size)) in listed {
            let known = self.parts.get(&number).filter(|(known, piece)| *known == etag && piece.len == size);
            let doubtful = || self.doubtful.iter().find(|(it, piece)| *it == number && piece.len == size);
            let piece = known.map(|(_, piece)| piece).or_else(|| doubtful().map(|(_, piece)| piece));
            let piece = piece.unwrap_or_else(|| panic!("part {number} of {size} bytes was never sent: {self:?}"));
            found.insert(number, (etag, piece.clone()));
        }
        for number in self.parts.keys() {
            assert!(found.contains_key(number), "the acknowledged part {number} is gone: {self:?}");
        }
        self.parts = found;
        self.doubtful.clear();
        self.ending = None;
    }
}

async fn is_there(raw: &Raw, key: &str, expected: Option<&Object>) -> bool {
    let said = raw.get(key, &expected.map(|object| object.mode.later()).unwrap_or_default()).await;
    match expected {
        None => said.status == 404,
        Some(object) => {
            said.status == 200 && said.body == object.pieces.iter().flat_map(Piece::bytes).collect::<Vec<_>>()
        }
    }
}

/// The texts of all elements of this name.
fn all(said: &Said, name: &str) -> Vec<String> {
    let text = said.text();
    let opening = format!("<{name}>");
    text.split(&opening).skip(1).map(|piece| piece.split_once(&format!("</{name}>")).unwrap().0.to_owned()).collect()
}
