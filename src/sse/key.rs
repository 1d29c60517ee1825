//! Customer keys: 32 bytes that encrypt an object and that the store never keeps.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use bytes::Bytes;
use http::HeaderValue;
use md5::{Digest as _, Md5};
use ring::hmac;
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// 32 bytes that encrypt an object; the store keeps no copy, so a lost key is a lost object.
///
/// # Examples
/// ```
/// use sealift::{secret::Secret, sse::CustomerKey};
///
/// let key = CustomerKey::parse(Secret::new("MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY\n"))?;
/// assert_eq!(key.md5_base64(), "U5L61r7jcwdNvT7frmUG8g==");
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CustomerKey {
    raw: Secret,
    /// Padded base64, marked sensitive. All requests share these bytes, and the last of them wipes them.
    header: HeaderValue,
    md5: String,
}

impl CustomerKey {
    /// Exactly these 32 bytes.
    pub fn from_bytes(bytes: [u8; LEN]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self::from_secret(Secret::new(bytes.as_slice()))
    }

    /// Reads what a key source holds.
    ///
    /// Exactly 32 bytes are the key as they are. Otherwise, after one trailing newline, 64 hex digits or 43 or 44
    /// characters of standard base64 are taken: the vendor's manuals print a sample key without its padding.
    ///
    /// # Errors
    /// `Config`, saying how long the text is, never what it holds.
    pub fn parse(source: Secret) -> Result<Self> {
        if source.len() == LEN {
            return Ok(Self::from_secret(source));
        }
        let text = without_newline(source.expose());
        let decoded = match text.len() {
            64 => decode_hex(text).ok_or("are not all hex digits"),
            43 | 44 => decode_base64(text).ok_or("are not base64 of 32 bytes"),
            _ => Err("are none of the forms of a key"),
        };
        decoded.map(Self::from_secret).map_err(|reason| malformed(source.len(), text.len(), reason))
    }

    /// A fresh random key from the system's generator.
    ///
    /// # Errors
    /// `Internal` if the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; LEN]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the system gave no random bytes for a key").caused_by(cause)
        })?;
        Ok(Self::from_secret(Secret::new(bytes.as_slice())))
    }

    /// Base64 of the MD5 of the 32 raw bytes, as the store echoes it.
    pub fn md5_base64(&self) -> String {
        self.md5.clone()
    }

    /// Tells whether a key is the same one again, without giving it away: hex of HMAC-SHA-256 under the key.
    ///
    /// With a fresh salt for each journal, two journals do not show that they belong to one key.
    pub fn fingerprint(&self, salt: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.raw.expose()));
        context.update(b"sealift customer key fingerprint\0");
        context.update(salt);
        hex(context.sign().as_ref())
    }

    /// Padded base64 of the 32 bytes: what to keep of a fresh key, and what [`parse`](Self::parse) takes again.
    ///
    /// This is the key itself. The text wipes itself when it is dropped; what is copied out of it does not.
    pub fn reveal_base64(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        STANDARD.encode_string(self.raw.expose(), &mut text);
        text
    }

    /// Keeps the key in a file that was not there before: one line of base64, readable by its owner alone, and on the
    /// disk when this returns. [`parse`](Self::parse) takes what it holds.
    ///
    /// # Errors
    /// `Config` if there is a file already, because a key is never overwritten, or it cannot be written; then nothing
    /// is left of it.
    ///
    /// # Examples
    /// ```
    /// use sealift::{secret::Secret, sse::CustomerKey};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("backup.key");
    /// let key = CustomerKey::generate()?;
    /// key.save_new(&path)?;
    /// let again = CustomerKey::parse(Secret::new(std::fs::read(&path)?))?;
    /// assert_eq!(again.md5_base64(), key.md5_base64());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_new(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::new(
                ErrorKind::Config,
                format!("{} exists already, and a key is never overwritten", path.display()),
            )
            .with_hint("choose another name; if the old key is lost, so is everything encrypted under it"),
            _ => {
                Error::new(ErrorKind::Config, format!("cannot write the key file {}", path.display())).caused_by(error)
            }
        };
        let mut line = self.reveal_base64();
        line.push('\n');
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
            // Half a key is worse than none.
            let _ = fs::remove_file(path);
            failed(error)
        })?;
        // A new name is on the disk only when its folder is. Some file systems cannot do that, and the key is there.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// The value of the key's header: padded base64, marked sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The value of the header of the key's MD5.
    pub(super) fn md5(&self) -> &str {
        &self.md5
    }

    fn from_secret(raw: Secret) -> Self {
        let base64 = Zeroizing::new(STANDARD.encode(raw.expose()).into_bytes());
        // `from_owner` keeps our own allocation, which wipes itself, instead of copying it.
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(base64))
            .expect("base64 has only characters that a header value may hold");
        header.set_sensitive(true);
        let md5 = STANDARD.encode(Md5::digest(raw.expose()));
        Self { raw, header, md5 }
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}

/// Base64 that may lack its padding, but not have set bits beyond its last byte.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const LEN: usize = 32;

fn without_newline(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").map_or(text, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn decode_hex(text: &[u8]) -> Option<Secret> {
    let mut bytes = Zeroizing::new([0_u8; LEN]);
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in digits {
            let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())?;
            *byte = *byte << 4 | value;
        }
    }
    Some(Secret::new(bytes.as_slice()))
}

fn decode_base64(text: &[u8]) -> Option<Secret> {
    // 44 characters without padding are 33 bytes.
    let mut bytes = Zeroizing::new([0_u8; LEN + 1]);
    let len = LENIENT.decode_slice(text, bytes.as_mut_slice()).ok()?;
    (len == LEN).then(|| Secret::new(&bytes[..LEN]))
}

fn malformed(found: usize, trimmed: usize, reason: &str) -> Error {
    let message = match (found, trimmed) {
        (0, _) => "the customer key is empty".to_owned(),
        (_, 0) => "the customer key is an empty line".to_owned(),
        _ if found == trimmed => format!("this is not a customer key: its {found} bytes {reason}"),
        _ => format!("this is not a customer key: its {trimmed} bytes and a line end {reason}"),
    };
    Error::new(ErrorKind::Config, message).with_hint(
        "a key is exactly 32 raw bytes without a line end, 64 hex digits, or 44 characters of base64 \
         (43 without the padding)",
    )
}

#[cfg(test)]
mod tests;
