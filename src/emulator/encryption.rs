//! Which encryption headers a call may and must carry, and what its answer confirms.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};

use super::{
    answer::Refusal,
    crypt,
    dialect::{Names, Spoken},
    guesses::Guesses,
    hex, kms,
    options::EmulatorOptions,
    request::{Call, Operation},
    store::{AtRest, Upload},
};
use crate::secret::Secret;

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
    /// Whether under SM4.
    Managed(bool),
    Kms {
        key_id: String,
        context: Option<String>,
    },
    Customer(CustomerKey),
}

/// What a key opens, which tells how its refusal reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    Object,
    Upload,
}

/// Checks everything that the headers alone tell, and returns the surplus headers that are let through.
///
/// Seen to be sent by official clients of COS although the operation does not take them: the mode with UploadPart, and
/// everything with Complete, ListParts and Abort, and the key of a copy's source with Initiate. Elsewhere they are refused (/document/product/436/7730). S3 refuses a mode everywhere but where it begins, and takes a customer
/// key with Complete and ListParts.
pub(super) fn check_carriage(call: &Call, options: &EmulatorOptions) -> Result<Vec<String>, Refusal> {
    let names = call.dialect.names();
    let present = |names: &[&str]| {
        names.iter().filter(|name| call.headers.contains_key(**name)).map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    let mode = present(&names.mode_headers());
    let customer = present(&names.customer_headers());
    let source = present(&names.source_key);
    if !(call.tls || options.allow_insecure || customer.is_empty() && source.is_empty()) {
        return Err(Refusal::guessed(&options.guesses.key_over_http, call.dialect.refusals().key_over_http));
    }
    let writes = matches!(
        call.operation,
        Operation::Initiate
            | Operation::Put
            | Operation::PutCopy
            | Operation::UploadPart
            | Operation::UploadPartCopy
            | Operation::Complete
    );
    if options.block_customer_keys && writes && !customer.is_empty() {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    let (rules, guesses) = (call.dialect.rules(), &options.guesses);
    let surplus = match call.operation {
        Operation::Initiate | Operation::Put | Operation::PutCopy => Vec::new(),
        _ if rules.modes_only_begin && !mode.is_empty() => {
            return Err(Refusal::argument(format!("{} header is not supported for this operation.", mode[0])));
        }
        Operation::UploadPart | Operation::UploadPartCopy if guesses.part_takes_mode => mode,
        Operation::UploadPart | Operation::UploadPartCopy | Operation::Head | Operation::Get => {
            if !mode.is_empty() {
                return Err(not_allowed(&mode));
            }
            Vec::new()
        }
        Operation::Complete | Operation::ListParts if rules.key_ends_uploads => Vec::new(),
        Operation::Unknown => Vec::new(),
        Operation::Complete | Operation::ListParts | Operation::Abort => {
            let needed = call.operation == Operation::Complete && guesses.complete_needs_key;
            let surplus = if needed { mode } else { [mode, customer].concat() };
            if !(guesses.complete_takes_key || surplus.is_empty()) {
                return Err(not_allowed(&surplus));
            }
            surplus
        }
        _ if rules.ignores_keys => customer,
        _ if mode.is_empty() && customer.is_empty() => Vec::new(),
        _ => return Err(not_allowed(&[mode, customer].concat())),
    };
    let copies = matches!(call.operation, Operation::PutCopy | Operation::UploadPartCopy);
    let let_through = call.operation == Operation::Initiate && guesses.initiate_takes_source_key;
    if !(copies || source.is_empty() || rules.ignores_keys || let_through) {
        return Err(not_allowed(&source));
    }
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
pub(super) fn asked(call: &Call, options: &EmulatorOptions) -> Result<Asked, Refusal> {
    let (names, refusals) = (call.dialect.names(), call.dialect.refusals());
    let (key_id, context) = (call.header(names.kms_key_id)?, call.header(names.kms_context)?);
    let customer = customer_key(call, &options.guesses)?;
    let mode = call.header(names.mode)?;
    if mode != Some(names.kms) && (key_id.is_some() || context.is_some()) {
        return Err(Refusal::argument(format!("a KMS key id or context needs the mode {}", names.kms)));
    }
    match (mode, customer) {
        (None, None) => Ok(Asked::None),
        (None, Some(customer)) => Ok(Asked::Customer(customer)),
        (Some(_), Some(_)) => Err(refusals.mode_and_key.into()),
        (Some("AES256"), None) => Ok(Asked::Managed(false)),
        (Some("SM4"), None) if options.guesses.takes_sm4 => Ok(Asked::Managed(true)),
        (Some(mode), None) if mode == names.kms => {
            if let Some(context) = context {
                check_context(context)?;
            }
            let key_id = kms::resolve(call.dialect, key_id, options)?;
            Ok(Asked::Kms { key_id, context: context.map(str::to_owned) })
        }
        (Some(mode), None) if call.dialect.rules().other_modes.contains(&mode) => {
            Err(Refusal::new(501, "NotImplemented", format!("this store does not know {mode}")))
        }
        (Some(_), None) => Err(refusals.unknown_mode.into()),
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

/// With S3, the customer key that Complete and ListParts bring: needed if the upload declared a checksum, and in any
/// case that of the upload (API_CompleteMultipartUpload.html, API_ListParts.html). With COS it counts if so guessed.
pub(super) fn check_upload_key(
    call: &Call,
    upload: &Upload,
    master: &Secret,
    options: &EmulatorOptions,
) -> Result<(), Refusal> {
    let needed_by_guess = call.operation == Operation::Complete && options.guesses.complete_needs_key;
    if !(call.dialect.rules().key_ends_uploads || needed_by_guess) {
        return Ok(());
    }
    let customer = customer_key(call, &options.guesses)?;
    let declared = upload.planned.is_some_and(|planned| planned.declared);
    if customer.is_none() && !(declared || needed_by_guess) {
        return Ok(());
    }
    upload.encryption.unlock(customer, master, options, Opens::Upload).map(drop)
}

/// The customer key of a request: all three headers, or none.
pub(super) fn customer_key(call: &Call, guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    read_key(call, call.dialect.names().customer_headers(), guesses)
}

/// The customer key of the object that a copy is made from.
pub(super) fn source_key(call: &Call, guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    read_key(call, call.dialect.names().source_key, guesses)
}

fn read_key(call: &Call, names: [&str; 3], guesses: &Guesses) -> Result<Option<CustomerKey>, Refusal> {
    let refusals = call.dialect.refusals();
    let malformed = |message: &'static str| Refusal::guessed(&guesses.malformed_key, message);
    let (algorithm, key, md5) = match (call.header(names[0])?, call.header(names[1])?, call.header(names[2])?) {
        (None, None, None) => return Ok(None),
        (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        _ => return Err(malformed("a customer key needs its three headers: algorithm, key and key MD5")),
    };
    if algorithm != "AES256" {
        let otherwise = || malformed("the algorithm of a customer key must be AES256");
        return Err(refusals.unknown_algorithm.map_or_else(otherwise, Refusal::from));
    }
    let key = STANDARD.decode(key).map(Secret::new).map_err(|_| malformed("the customer key is not base64"))?;
    if key.len() != 32 {
        return Err(malformed("the customer key does not have 32 bytes"));
    }
    if STANDARD.encode(Md5::digest(key.expose())) != md5 {
        return Err(malformed(refusals.wrong_key_md5));
    }
    Ok(Some(CustomerKey { key, md5: md5.to_owned() }))
}

impl Asked {
    /// What is kept of it, and the key for the data, which under a customer key is that key.
    ///
    /// S3 encrypts what asks for nothing under keys of its own (userguide/default-encryption-faq.html).
    pub(super) fn settle(self, dialect: Spoken, master: &Secret) -> Result<(AtRest, Option<Secret>), Refusal> {
        Ok(match self {
            Self::None if !dialect.rules().always_encrypts => (AtRest::None, None),
            Self::None | Self::Managed(_) => {
                let sm4 = matches!(self, Self::Managed(true));
                let key = crypt::fresh_key()?;
                let wrapped_key = crypt::wrap(&crypt::purpose_key(master, "managed"), b"", &key)?;
                (AtRest::Managed { wrapped_key, sm4 }, Some(key))
            }
            Self::Kms { key_id, context } => {
                let key = crypt::fresh_key()?;
                let bound = context.clone().unwrap_or_default();
                let wrapped_key = crypt::wrap(&kms::wrapping_key(master, &key_id), bound.as_bytes(), &key)?;
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
        options: &EmulatorOptions,
        opens: Opens,
    ) -> Result<Option<Secret>, Refusal> {
        let (guesses, refusals) = (&options.guesses, options.dialect.refusals());
        let for_this = |messages: (&'static str, &'static str)| match opens {
            Opens::Object => messages.0,
            Opens::Upload => messages.1,
        };
        match (self, given) {
            (Self::Customer { .. }, None) => {
                Err(Refusal::guessed(&guesses.missing_key, for_this(refusals.missing_key)))
            }
            (Self::Customer { check_salt, check, .. }, Some(given)) => {
                let salt = hex::decode(check_salt).unwrap_or_default();
                if Secret::new(crypt::key_check(&salt, &given.key)).matches(&Secret::new(check.as_bytes())) {
                    return Ok(Some(given.key));
                }
                let guess = match opens {
                    Opens::Object => &guesses.wrong_key,
                    Opens::Upload => &guesses.wrong_part_key,
                };
                Err(Refusal::guessed(guess, for_this(refusals.wrong_key)))
            }
            (_, Some(_)) => Err(Refusal::guessed(&guesses.needless_key, refusals.needless_key)),
            (Self::None, None) => Ok(None),
            (Self::Managed { wrapped_key, .. }, None) => {
                Ok(Some(crypt::unwrap(&crypt::purpose_key(master, "managed"), b"", wrapped_key)?))
            }
            (Self::Kms { key_id, context, wrapped_key }, None) => {
                let bound = context.as_deref().unwrap_or_default();
                Ok(Some(crypt::unwrap(&kms::wrapping_key(master, key_id), bound.as_bytes(), wrapped_key)?))
            }
        }
    }

    /// What an answer confirms (/document/product/436/7729). The context is never told.
    pub(super) fn echo(&self, dialect: Spoken) -> Vec<(&'static str, String)> {
        let names = dialect.names();
        match self {
            Self::None => Vec::new(),
            Self::Managed { sm4, .. } => vec![(names.mode, if *sm4 { "SM4" } else { "AES256" }.to_owned())],
            Self::Kms { key_id, .. } => vec![(names.mode, names.kms.to_owned()), (names.kms_key_id, key_id.clone())],
            Self::Customer { key_md5, .. } => {
                vec![(names.algorithm, "AES256".to_owned()), (names.key_md5_echo, key_md5.clone())]
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

/// A false confirmation: another mode than the true one.
pub(super) fn downgraded(names: &Names, echo: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    match echo.first() {
        Some((name, mode)) if *name == names.mode && mode == "AES256" => Vec::new(),
        Some(_) => vec![(names.mode, "AES256".to_owned())],
        None => Vec::new(),
    }
}

/// A false confirmation: another key MD5, KMS key or mode than the true one.
pub(super) fn altered(names: &Names, echo: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let other = |name: &str, value: &str| {
        if name == names.key_md5_echo {
            STANDARD.encode(Md5::digest(value.as_bytes()))
        } else if name == names.kms_key_id {
            value.chars().rev().chain("0".chars()).collect()
        } else if name == names.mode && value == "AES256" {
            "SM4".to_owned()
        } else {
            value.to_owned()
        }
    };
    echo.iter().map(|(name, value)| (*name, other(name, value))).collect()
}
