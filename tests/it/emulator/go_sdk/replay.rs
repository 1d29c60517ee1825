//! Sends recorded requests to a store.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use http::Method;
use sealift::clock::Clock;

use super::{
    super::raw::{Raw, Said, md5_base64, md5_hex, with_authority},
    recorded::{Before, Case, Credential, Input, Object, Outcome, Part, Recorded, Unfinished, pattern},
};
use crate::support::{Store, store_with};

const PART: usize = 1 << 20;

/// Speaks to one store, as the SDK did.
pub(super) struct Replay {
    _store: Store,
    /// For what was there before, and for what is there afterwards.
    raw: Raw,
    by_name: reqwest::Client,
    port: u16,
    /// What has another name now: ids of uploads, and `ETag`s.
    now: HashMap<String, String>,
}

impl Replay {
    pub(super) async fn new(cases: &[Case], strict: bool) -> Self {
        let Credential { secret_id, secret_key } = &cases[0].input.credential;
        let clock = cases.iter().map(|case| case.input.clock).max().unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(clock);
        let store = store_with(|options| {
            options.strict(strict).credentials(secret_id, secret_key, None).clock(Clock::fixed(time))
        })
        .await;
        let here = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let raw = Raw { ahead: clock.cast_signed() - here.cast_signed(), ..Raw::new(&store) };
        let addr = store.emulator.addr();
        let host = &cases[0].requests[0].headers[0].1;
        let by_name = with_authority(reqwest::Client::builder().resolve(host, addr), store.emulator.ca_cert());
        Self { _store: store, raw, by_name, port: addr.port(), now: HashMap::new() }
    }

    /// Makes what the store held before the call, unless it is there.
    pub(super) async fn prepare(&mut self, before: &Before) {
        for Object { key, len, sse } in &before.objects {
            self.raw.put(key, &sse.asking(), &pattern(*len)).await.ok();
        }
        for Unfinished { key, upload_id, sse, parts } in &before.uploads {
            if self.now.contains_key(upload_id) {
                continue;
            }
            let id = self.raw.initiate(key, &sse.asking()).await;
            for Part { n, offset, len, etag } in parts {
                let body = &pattern(offset + len)[*offset..];
                let said = self.raw.part(key, &id, *n, &sse.reading(), body).await.ok();
                self.now.insert(etag.clone(), said.etag().to_owned());
            }
            self.now.insert(upload_id.clone(), id);
        }
    }

    /// With the names of now.
    fn renamed(&self, text: &str) -> String {
        self.now.iter().fold(text.to_owned(), |text, (then, now)| text.replace(then, now))
    }

    async fn send(&mut self, recorded: &Recorded, body: Vec<u8>) -> Said {
        let text = recorded.body.text.as_deref().map(|text| self.renamed(text));
        let body = text.map_or(body, String::into_bytes);
        let target = self.renamed(&recorded.target);
        let mut sent = recorded.headers.clone();
        if target != recorded.target || md5_hex(&body) != recorded.body.md5 {
            let params: Vec<(String, String)> =
                recorded.auth.signed_params.iter().map(|(name, value)| (name.clone(), self.renamed(value))).collect();
            let params: Vec<(&str, &str)> =
                params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let mut signed = recorded.auth.signed_headers.clone();
            for (_, value) in sent.iter_mut().chain(&mut signed).filter(|(name, _)| name == "Content-MD5") {
                *value = md5_base64(&body);
            }
            let anew = self.raw.authorize(&recorded.method, &recorded.path_decoded, &params, &signed);
            sent.iter_mut().find(|(name, _)| name == "Authorization").unwrap().1 = anew;
        }
        let url = format!("https://{}:{}{target}", sent[0].1, self.port);
        let mut request = self.by_name.request(Method::from_bytes(recorded.method.as_bytes()).unwrap(), url).body(body);
        for (name, value) in &sent {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let said = Said { status, headers, body: answer.bytes().await.unwrap().to_vec() };
        if said.status.is_success() {
            self.learn(recorded, &said);
        }
        said
    }

    /// Keeps the names that the store has for what it made.
    fn learn(&mut self, recorded: &Recorded, said: &Said) {
        if let Some(then) = &recorded.answered_upload_id {
            self.now.insert(then.clone(), said.element("UploadId").unwrap());
        }
        if let Some(then) = &recorded.answered_etag {
            let now = match recorded.op.as_str() {
                "UploadPart" => said.etag().to_owned(),
                "UploadPartCopy" => said.element("ETag").unwrap().replace("&quot;", "").trim_matches('"').to_owned(),
                _ => return,
            };
            self.now.insert(then.clone(), now);
        }
    }

    /// Sends the requests of a case until one is refused that was not then, or all are sent; tells how that ended.
    pub(super) async fn play(&mut self, case: &Case) -> Outcome {
        let whole = pattern(case.input.body.as_ref().map_or(0, |body| body.len));
        let mut outcome = Outcome { status: None, error: None };
        for recorded in &case.requests {
            let number = recorded.query.iter().find(|(name, _)| name == "partNumber");
            let first = number.map_or(0, |(_, number)| (number.parse::<usize>().unwrap() - 1) * PART);
            let body = if recorded.body.len == 0 {
                Vec::new()
            } else {
                whole[first..][..recorded.body.len.min(whole.len() - first)].to_vec()
            };
            if recorded.body.text.is_none() {
                assert_eq!(md5_hex(&body), recorded.body.md5, "{}", case.id);
            }
            let said = self.send(recorded, body).await;
            if said.status.is_success() {
                assert_eq!(said.status, recorded.answered, "{}", case.id);
                self.check_answer(case, recorded, &said);
                continue;
            }
            let code = said.element("Code").unwrap_or_default();
            if outcome.status.is_none() {
                outcome = Outcome { status: Some(said.status.as_u16()), error: Some(code.clone()) };
            }
            if recorded.answered < 300 {
                break;
            }
            let then = (recorded.answered, recorded.answered_code.clone().unwrap_or_default());
            assert_eq!((said.status.as_u16(), code), then, "{}", case.id);
        }
        outcome
    }

    /// What the answer must say besides.
    fn check_answer(&self, case: &Case, recorded: &Recorded, said: &Said) {
        let before = &case.input.server_before;
        match (recorded.op.as_str(), case.op.as_str()) {
            ("GetObject", _) => check_got(case, recorded, said),
            ("HeadObject", "head_object") => {
                assert_eq!(said.header("content-length"), before.objects[0].len.to_string(), "{}", case.id);
                case.input.sse.check_echo(said);
            }
            ("UploadPart", "upload_part") => case.input.sse.check_echo(said),
            ("ListParts", _) => {
                assert_eq!(said.text().matches("<Part>").count(), before.uploads[0].parts.len(), "{}", case.id);
            }
            ("ListMultipartUploads", _) => {
                assert!(said.text().contains(&self.now[&before.uploads[0].upload_id]), "{}", case.id);
            }
            _ => {}
        }
    }

    /// What a call that ended well must have made.
    pub(super) async fn check_made(&self, case: &Case) {
        let Input { key, sse, .. } = &case.input;
        match case.op.as_str() {
            "delete_object" => assert_eq!(self.raw.head(key, &sse.reading()).await.status, 404),
            "abort" => {
                let id = &self.now[&case.input.server_before.uploads[0].upload_id];
                self.raw.list_parts(key, id, &[]).await.refused(404, "NoSuchUpload");
            }
            "put_object" | "complete" | "copy_object" | "upload_part_copy" | "multi_copy" | "upload" => {
                let said = self.raw.get(key, &sse.reading()).await.ok();
                assert!(said.body == pattern(case.input.body.as_ref().unwrap().len), "{}: other bytes", case.id);
                sse.check_echo(&said);
            }
            _ => {}
        }
    }
}

/// The bytes of a read, by the range that was asked for.
fn check_got(case: &Case, recorded: &Recorded, said: &Said) {
    let whole = pattern(case.input.server_before.objects[0].len);
    let range = recorded.headers.iter().find(|(name, _)| name == "Range").map(|(_, value)| {
        let (first, last) = value.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        first.parse::<usize>().unwrap()..last.parse::<usize>().unwrap() + 1
    });
    assert!(said.body == whole[range.unwrap_or(0..whole.len())], "{}: other bytes", case.id);
    case.input.sse.check_echo(said);
}
