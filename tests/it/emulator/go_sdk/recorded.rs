//! The recorded calls, as far as they are needed to make them once more.

use serde::Deserialize;

use super::super::raw::{Headers, Said};

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) op: String,
    pub(super) input: Input,
    pub(super) sdk_result: Outcome,
    pub(super) sdk_result_strict: Outcome,
    pub(super) row: Option<Row>,
    pub(super) requests: Vec<Recorded>,
}

#[derive(Deserialize)]
pub(super) struct Input {
    pub(super) key: String,
    pub(super) sse: Sse,
    pub(super) credential: Credential,
    pub(super) clock: u64,
    pub(super) body: Option<Pattern>,
    #[serde(default)]
    pub(super) server_before: Before,
}

#[derive(Deserialize)]
pub(super) struct Credential {
    pub(super) secret_id: String,
    pub(super) secret_key: String,
}

#[derive(Deserialize)]
pub(super) struct Pattern {
    pub(super) len: usize,
}

#[derive(Deserialize, Default)]
pub(super) struct Before {
    #[serde(default)]
    pub(super) objects: Vec<Object>,
    #[serde(default)]
    pub(super) uploads: Vec<Unfinished>,
}

#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) len: usize,
    pub(super) sse: Sse,
}

#[derive(Deserialize)]
pub(super) struct Unfinished {
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) sse: Sse,
    pub(super) parts: Vec<Part>,
}

#[derive(Deserialize)]
pub(super) struct Part {
    pub(super) n: u32,
    pub(super) offset: usize,
    pub(super) len: usize,
    pub(super) etag: String,
}

#[derive(Deserialize)]
pub(super) struct Sse {
    pub(super) server_side_encryption: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) kms_context: Option<String>,
    pub(super) customer_algorithm: Option<String>,
    pub(super) customer_key: Option<String>,
    pub(super) customer_key_md5: Option<String>,
}

/// How a call ended: well, or by a refusal.
#[derive(Deserialize, PartialEq, Debug)]
pub(super) struct Outcome {
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
}

/// What the table of the SDKs says: a verdict and a few words, by default and if the store is strict.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) default: (String, String),
    pub(super) strict: (String, String),
}

#[derive(Deserialize)]
pub(super) struct Recorded {
    pub(super) op: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) path_decoded: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) auth: Auth,
    pub(super) answered: u16,
    pub(super) answered_code: Option<String>,
    pub(super) answered_upload_id: Option<String>,
    pub(super) answered_etag: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) len: usize,
    pub(super) md5: String,
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) signed_headers: Headers,
    pub(super) signed_params: Vec<(String, String)>,
}

impl Sse {
    /// Headers that ask for it.
    pub(super) fn asking(&self) -> Headers {
        let all = [
            ("", &self.server_side_encryption),
            ("-cos-kms-key-id", &self.kms_key_id),
            ("-context", &self.kms_context),
        ];
        let mode = all
            .into_iter()
            .filter_map(|(name, value)| Some((format!("x-cos-server-side-encryption{name}"), value.clone()?)));
        mode.chain(self.reading()).collect()
    }

    /// Headers that every call needs which touches the bytes.
    pub(super) fn reading(&self) -> Headers {
        let all =
            [("algorithm", &self.customer_algorithm), ("key", &self.customer_key), ("key-MD5", &self.customer_key_md5)];
        let key = all.into_iter().filter_map(|(name, value)| {
            Some((format!("x-cos-server-side-encryption-customer-{name}"), value.clone()?))
        });
        key.collect()
    }

    #[track_caller]
    pub(super) fn check_echo(&self, said: &Said) {
        let told = |name: &str| said.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(told("x-cos-server-side-encryption"), self.server_side_encryption.as_deref());
        assert_eq!(told("x-cos-server-side-encryption-customer-key-MD5"), self.customer_key_md5.as_deref());
        if self.kms_key_id.is_some() {
            assert_eq!(told("x-cos-server-side-encryption-cos-kms-key-id"), self.kms_key_id.as_deref());
        }
    }
}

/// The bytes of every recorded body, as the vectors' README has them.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..1 << 16).map(|at| u8::try_from((at * 31 + (at >> 8) * 7) % 256).unwrap()).collect();
    let mut bytes = block.repeat(len.div_ceil(block.len()));
    bytes.truncate(len);
    bytes
}
