//! The one value that an upload's calls ask for their encryption.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    carriage::{self, Carries},
    key::CustomerKey,
    kms::{self, KmsContext},
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    operation::Operation,
};

/// The mode's bare name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SseMode {
    /// Nothing is asked; the bucket's default applies.
    None,
    /// The store keeps the keys.
    Managed,
    /// A KMS keeps the keys.
    Kms,
    /// The customer keeps the key and sends it along.
    Customer,
}

impl SseMode {
    /// `none`, `managed`, `kms` or `customer`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Managed => "managed",
            Self::Kms => "kms",
            Self::Customer => "customer",
        }
    }
}

/// The encryption of one object, for one dialect.
///
/// Clones belong to one upload: they share the KMS key that an alias turned out to mean. Take
/// [`for_transfer`](Self::for_transfer) for the next upload.
#[derive(Clone, Debug)]
pub struct SseContext {
    pub(super) dialect: Dialect,
    pub(super) asked: Asked,
}

/// What is asked, with all that it needs.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    None,
    Managed,
    Kms(Kms),
    Customer(CustomerKey),
}

#[derive(Clone, Debug)]
pub(super) struct Kms {
    pub(super) key_id: Option<String>,
    pub(super) context: Option<KmsContext>,
    /// The key that the first answer named, if `key_id` is an alias: all later answers must name the same one.
    ///
    /// It is written once and then constant, and shared, because parts are judged on clones at the same time.
    pub(super) pinned: Arc<OnceLock<String>>,
}

impl SseContext {
    /// Nothing is asked; whatever the store does by default is accepted and reported.
    pub fn none(dialect: Dialect) -> Self {
        Self { dialect, asked: Asked::None }
    }

    /// Keys kept by the store.
    pub fn managed(dialect: Dialect) -> Self {
        Self { dialect, asked: Asked::Managed }
    }

    /// Keys kept by a KMS: the given one (an id, a resource name or an alias), or the account's default key.
    ///
    /// # Errors
    /// `Config` for a key id that cannot be a header's value.
    pub fn kms(dialect: Dialect, key_id: Option<String>, context: Option<KmsContext>) -> Result<Self> {
        key_id.as_deref().map(kms::check_key_id).transpose()?;
        Ok(Self { dialect, asked: Asked::Kms(Kms { key_id, context, pinned: Arc::default() }) })
    }

    /// The customer's own key.
    pub fn customer(dialect: Dialect, key: CustomerKey) -> Self {
        Self { dialect, asked: Asked::Customer(key) }
    }

    /// The same encryption for another transfer, which may find that an alias means another key by now.
    pub fn for_transfer(&self) -> Self {
        let mut fresh = self.clone();
        if let Asked::Kms(kms) = &mut fresh.asked {
            kms.pinned = Arc::default();
        }
        fresh
    }

    /// Goes on with a transfer in which an answer named this KMS key: an alias must mean the same one still.
    pub(crate) fn pin_kms_key(&self, key: &str) {
        if let Asked::Kms(kms) = &self.asked
            && !kms::is_alias(key)
        {
            // Only what an answer of this transfer has named already stays.
            let _ = kms.pinned.set(key.to_owned());
        }
    }

    /// The mode.
    pub fn mode(&self) -> SseMode {
        match self.asked {
            Asked::None => SseMode::None,
            Asked::Managed => SseMode::Managed,
            Asked::Kms(_) => SseMode::Kms,
            Asked::Customer(_) => SseMode::Customer,
        }
    }

    /// The KMS key that was asked for, if one was.
    pub fn kms_key_id(&self) -> Option<&str> {
        match &self.asked {
            Asked::Kms(kms) => kms.key_id.as_deref(),
            Asked::None | Asked::Managed | Asked::Customer(_) => None,
        }
    }

    /// Base64 of the MD5 of the customer key, if there is one. It is not secret: the store echoes it.
    pub fn key_md5(&self) -> Option<String> {
        match &self.asked {
            Asked::Customer(key) => Some(key.md5_base64()),
            Asked::None | Asked::Managed | Asked::Kms(_) => None,
        }
    }

    /// The digest of the KMS context, if there is one.
    pub fn kms_context_digest(&self) -> Option<String> {
        match &self.asked {
            Asked::Kms(kms) => kms.context.as_ref().map(KmsContext::digest),
            Asked::None | Asked::Managed | Asked::Customer(_) => None,
        }
    }

    /// Tells whether a customer key is the same one again, if there is one. See [`CustomerKey::fingerprint`].
    pub fn key_fingerprint(&self, salt: &[u8]) -> Option<String> {
        match &self.asked {
            Asked::Customer(key) => Some(key.fingerprint(salt)),
            Asked::None | Asked::Managed | Asked::Kms(_) => None,
        }
    }

    /// Whether this is a customer key, which never goes over plain HTTP.
    pub fn is_customer(&self) -> bool {
        self.mode() == SseMode::Customer
    }

    /// Adds exactly the encryption headers that this call carries.
    pub(crate) fn apply(&self, operation: Operation, headers: &mut HeaderMap) {
        let names = self.dialect.names();
        let mut set = |name: &'static str, value| headers.insert(HeaderName::from_static(name), value);
        match (carriage::carries(self.dialect, self.mode(), operation), &self.asked) {
            (Carries::Mode, Asked::Managed) => {
                set(names.sse, HeaderValue::from_static(names.managed));
            }
            (Carries::Mode, Asked::Kms(kms)) => {
                set(names.sse, HeaderValue::from_static(names.kms));
                if let Some(id) = &kms.key_id {
                    set(names.sse_kms_key_id, value(id));
                }
                if let Some(context) = &kms.context {
                    set(names.sse_context, value(context.as_base64()));
                }
            }
            (Carries::CustomerKey, Asked::Customer(key)) => {
                set(names.customer_algorithm, HeaderValue::from_static(CUSTOMER_ALGORITHM));
                set(names.customer_key, key.header());
                set(names.customer_key_md5, value(key.md5()));
            }
            // The table gives each mode only its own headers.
            (Carries::Nothing | Carries::Mode | Carries::CustomerKey, _) => {}
        }
    }

    /// Makes sure that this is a context for stores of this dialect.
    ///
    /// # Errors
    /// `Config` if it is for another: its headers would mean nothing to the store.
    pub(crate) fn must_be_for(&self, dialect: Dialect) -> Result<()> {
        if self.dialect == dialect || matches!(self.asked, Asked::None) {
            return Ok(());
        }
        let told = format!("the encryption is given for {}, and the store speaks {dialect}", self.dialect);
        Err(Error::new(ErrorKind::Config, told).with_hint("make the encryption context for the dialect of the address"))
    }

    /// Adds the customer key of the object that a copy reads; this context is that of the source.
    #[cfg_attr(not(test), expect(dead_code, reason = "the calls that copy are not there yet"))]
    pub(crate) fn apply_as_source(&self, operation: Operation, headers: &mut HeaderMap) {
        let names = self.dialect.names();
        if let (true, Asked::Customer(key)) = (carriage::has_source(operation), &self.asked) {
            let mut set = |name: &'static str, value| headers.insert(HeaderName::from_static(name), value);
            set(names.source_customer_algorithm, HeaderValue::from_static(CUSTOMER_ALGORITHM));
            set(names.source_customer_key, key.header());
            set(names.source_customer_key_md5, value(key.md5()));
        }
    }
}

/// The only algorithm for customer keys, of every store that takes any.
pub(super) const CUSTOMER_ALGORITHM: &str = "AES256";

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("key ids are checked, and base64 is always a header value")
}

#[cfg(test)]
mod tests;
