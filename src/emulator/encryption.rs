//! Which encryption headers a call may and must carry, and what its answer confirms.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};

use super::{
    answer::Refusal,
    crypt, hex,
    options::{EmulatorOptions, Guesses},
    request::{Call, Operation},
    store::AtRest,
};
use crate::secret::Secret;

const MODE: &str = "x-cos-server-side-encryption";
const KMS_KEY_ID: &str = "x-cos-server-side-encryption-cos-kms-key-id";
const KMS_CONTEXT: &str = "x-cos-server-side-encryption-context";
const ALGORITHM: &str = "x-cos-server-side-encryption-customer-algorithm";
const KEY: &str = "x-cos-server-side-encryption-customer-key";
const KEY_MD5: &str = "x-cos-server-side-encryption-customer-key-md5";
/// How answers spell the last one (/document/product/436/7729).
const KEY_MD5_ECHO: &str = "x-cos-server-side-encryption-customer-key-MD5";
const SOURCE_NAMES: [&str; 3] = [
    "x-cos-copy-source-server-side-encryption-customer-algorithm",
    "x-cos-copy-source-server-side-encryption-customer-key",
    "x-cos-copy-source-server-side-encryption-customer-key-md5",
];

const MODE_NAMES: [&str; 3] = [MODE, KMS_KEY_ID, KMS_CONTEXT];
const CUSTOMER_NAMES: [&str; 3] = [ALGORITHM, KEY, KEY_MD5];

/// A customer key as a request brought it.
#[derive(Debug)]
pub(super) struct CustomerKey {
    pub(super) key: Secret,
    pub(super) md5: String,
}

/// The encryption that an object is to get.
#[derive(Debug)]
pub(super) enum Asked {
    None,
    Managed,
    Kms { key_id: String, context: Option<String> },
    Customer(CustomerKey),
}

/// Checks everything that the headers alone tell, and returns the surplus headers that are let through.
///
/// Seen to be sent by official clients although the operation does not take them: the mode with UploadPart, and
/// everything with Complete, ListParts and Abort.
pub(super) fn check_carriage(call: &Call, options: &EmulatorOptions) -> Result<Vec<String>, Refusal> {
    let present = |names: &[&str]| {
        names.iter().filter(|name| call.headers.contains_key(**name)).map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    let (mode, customer, source) = (present(&MODE_NAMES), present(&CUSTOMER_NAMES), present(&SOURCE_NAMES));
    if !(call.tls || options.allow_insecure || customer.is_empty() && source.is_empty()) {
        return Err(refusal(
            &options.guesses.key_over_http,
            "a customer key needs HTTPS, unless the store was started to do without",
        ));
    }
    let copies = matches!(call.operation, Operation::PutCopy | Operation::UploadPartCopy);
    let surplus = match call.operation {
        Operation::Initiate | Operation::Put | Operation::PutCopy => Vec::new(),
        Operation::UploadPart | Operation::UploadPartCopy => mode,
        Operation::Head | Operation::Get if mode.is_empty() => Vec::new(),
        Operation::Head | Operation::Get => return Err(not_allowed(&mode)),
        _ => [mode, customer].concat(),
    };
    let surplus = if copies { surplus } else { [surplus, source].concat() };
    if options.strict && !surplus.is_empty() {
        return Err(not_allowed(&surplus));
    }
    Ok(surplus)
}

fn not_allowed(names: &[String]) -> Refusal {
    Refusal::new(400, "SSEHeaderNotAllowed", format!("the operation does not take {}", names.join(", ")))
}

/// The encryption that Initiate or PUT asks for.
pub(super) fn asked(call: &Call, guesses: &Guesses) -> Result<Asked, Refusal> {
    let (key_id, context) = (call.header(KMS_KEY_ID)?, call.header(KMS_CONTEXT)?);
    let customer = customer_key(call, guesses)?;
    let mode = call.header(MODE)?;
    if mode != Some("cos/kms") && (key_id.is_some() || context.is_some()) {
        return Err(Refusal::argument("a KMS key id or context needs the mode cos/kms"));
    }
    match (mode, customer) {
        (None, None) => Ok(Asked::None),
        (None, Some(customer)) => Ok(Asked::Customer(customer)),
        (Some(_), Some(_)) => Err(Refusal::argument("a mode and a customer key exclude each other")),
        (Some("AES256"), None) => Ok(Asked::Managed),
        (Some("cos/kms"), None) => {
            if let Some(context) = context {
                check_context(context)?;
            }
            let key_id = key_id.unwrap_or(&guesses.default_kms_key_id);
            let sound = !key_id.is_empty()
                && key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:/.".contains(&byte));
            if !sound || guesses.absent_kms_keys.iter().any(|absent| absent == key_id) {
                return Err(Refusal::new(400, "KmsKeyNotExist", "the KMS key cannot be found"));
            }
            Ok(Asked::Kms { key_id: key_id.to_owned(), context: context.map(str::to_owned) })
        }
        (Some(_), None) => Err(Refusal::new(400, "SSEContentNotSupported", "the encryption mode is not supported")),
    }
}

/// The context is base64 of a JSON object of strings (/document/product/436/7728).
fn check_context(context: &str) -> Result<(), Refusal> {
    STANDARD
        .decode(context)
        .ok()
        .and_then(|json| serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&json).ok())
        .map(drop)
        .ok_or_else(|| Refusal::argument("the encryption context is not base64 of a JSON object of strings"))
}

/// The customer key of a request: all three headers, or none.
pub(super) fn customer_key(call: &Call, guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    read_key(call, CUSTOMER_NAMES, guesses)
}

/// The customer key of the object that a copy is made from.
pub(super) fn source_key(call: &Call, guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    read_key(call, SOURCE_NAMES, guesses)
}

fn read_key(call: &Call, names: [&str; 3], guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    let malformed = |message: &'static str| refusal(&guesses.malformed_key, message);
    let (algorithm, key, md5) = match (call.header(names[0])?, call.header(names[1])?, call.header(names[2])?) {
        (None, None, None) => return Ok(None),
        (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        _ => return Err(malformed("a customer key needs its three headers: algorithm, key and key MD5")),
    };
    if algorithm != "AES256" {
        return Err(malformed("the algorithm of a customer key must be AES256"));
    }
    let key = STANDARD.decode(key).map(Secret::new).map_err(|_| malformed("the customer key is not base64"))?;
    if key.len() != 32 {
        return Err(malformed("the customer key does not have 32 bytes"));
    }
    if STANDARD.encode(Md5::digest(key.expose())) != md5 {
        return Err(malformed("the customer key does not have this MD5"));
    }
    Ok(Some(CustomerKey { key, md5: md5.to_owned() }))
}

impl Asked {
    /// What is kept of it, and the key for the data, which under a customer key is that key.
    pub(super) fn settle(self, master: &Secret) -> Result<(AtRest, Option<Secret>), Refusal> {
        Ok(match self {
            Self::None => (AtRest::None, None),
            Self::Managed => {
                let key = crypt::fresh_key()?;
                let wrapped_key = crypt::wrap(&crypt::purpose_key(master, "managed"), b"", &key)?;
                (AtRest::Managed { wrapped_key }, Some(key))
            }
            Self::Kms { key_id, context } => {
                let key = crypt::fresh_key()?;
                let bound = context.clone().unwrap_or_default();
                let wrapped_key = crypt::wrap(&kms_key(master, &key_id), bound.as_bytes(), &key)?;
                (AtRest::Kms { key_id, context, wrapped_key }, Some(key))
            }
            Self::Customer(customer) => {
                let salt = hex::random::<16>()?;
                let check = crypt::key_check(&salt, &customer.key);
                let at_rest = AtRest::Customer { key_md5: customer.md5, check_salt: hex::encode(&salt), check };
                (at_rest, Some(customer.key))
            }
        })
    }
}

impl AtRest {
    /// The key for the data of a request on an object or upload with this encryption.
    pub(super) fn unlock(
        &self,
        given: Option<CustomerKey>,
        master: &Secret,
        guesses: &Guesses,
    ) -> Result<Option<Secret>, Refusal> {
        match (self, given) {
            (Self::Customer { .. }, None) => {
                Err(refusal(&guesses.missing_key, "this was encrypted with a customer key, which must be given"))
            }
            (Self::Customer { check_salt, check, .. }, Some(given)) => {
                let salt = hex::decode(check_salt).unwrap_or_default();
                if Secret::new(crypt::key_check(&salt, &given.key)).matches(&Secret::new(check.as_bytes())) {
                    Ok(Some(given.key))
                } else {
                    Err(refusal(&guesses.wrong_key, "the customer key is not the one that this was encrypted with"))
                }
            }
            (_, Some(_)) => Err(refusal(&guesses.needless_key, "this was not encrypted with a customer key")),
            (Self::None, None) => Ok(None),
            (Self::Managed { wrapped_key }, None) => {
                Ok(Some(crypt::unwrap(&crypt::purpose_key(master, "managed"), b"", wrapped_key)?))
            }
            (Self::Kms { key_id, context, wrapped_key }, None) => {
                let bound = context.as_deref().unwrap_or_default();
                Ok(Some(crypt::unwrap(&kms_key(master, key_id), bound.as_bytes(), wrapped_key)?))
            }
        }
    }

    /// What an answer confirms (/document/product/436/7729). The context is never told.
    pub(super) fn echo(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::None => Vec::new(),
            Self::Managed { .. } => vec![(MODE, "AES256".to_owned())],
            Self::Kms { key_id, .. } => vec![(MODE, "cos/kms".to_owned()), (KMS_KEY_ID, key_id.clone())],
            Self::Customer { key_md5, .. } => {
                vec![(ALGORITHM, "AES256".to_owned()), (KEY_MD5_ECHO, key_md5.clone())]
            }
        }
    }

    /// Whether an ETag is the MD5 of the plain text.
    pub(super) fn tags_by_md5(&self) -> bool {
        matches!(self, Self::None | Self::Managed { .. })
    }

    /// The ETag of bytes: their MD5; under a customer key something that depends on key and bytes; else random.
    pub(super) fn etag(
        &self,
        md5: Option<[u8; 16]>,
        data_key: Option<&Secret>,
        crc64: u64,
        size: u64,
    ) -> std::io::Result<String> {
        match (self, md5, data_key) {
            (Self::None | Self::Managed { .. }, Some(md5), _) => Ok(hex::encode(&md5)),
            (Self::Customer { .. }, _, Some(key)) => {
                let message = [crc64.to_be_bytes(), size.to_be_bytes()].concat();
                Ok(crypt::key_check(&message, key)[..32].to_owned())
            }
            _ => Ok(hex::encode(&hex::random::<16>()?)),
        }
    }
}

fn kms_key(master: &Secret, key_id: &str) -> Secret {
    crypt::purpose_key(master, &format!("kms:{key_id}"))
}

fn refusal(guess: &(u16, String), message: &'static str) -> Refusal {
    Refusal::new(guess.0, guess.1.clone(), message)
}

/// A false confirmation: another mode than the true one.
pub(super) fn downgraded(echo: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    match echo.first() {
        Some((MODE, mode)) if mode == "AES256" => Vec::new(),
        Some(_) => vec![(MODE, "AES256".to_owned())],
        None => Vec::new(),
    }
}

/// A false confirmation: another key MD5, KMS key or mode than the true one.
pub(super) fn altered(echo: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    echo.iter()
        .map(|(name, value)| match *name {
            KEY_MD5_ECHO => (*name, STANDARD.encode(Md5::digest(value.as_bytes()))),
            KMS_KEY_ID => (*name, value.chars().rev().chain("0".chars()).collect()),
            MODE if value == "AES256" => (*name, "SM4".to_owned()),
            _ => (*name, value.clone()),
        })
        .collect()
}
