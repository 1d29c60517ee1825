//! Encryption at rest: AES-256-GCM in chunks, each readable by itself, under a key that is derived for each file.
//!
//! Deriving a key for each file makes a plain counter a safe nonce. The cipher text has the plain text's length and
//! offsets; the tags of its chunks stand behind it.

use std::io;

use ring::{
    aead::{self, Aad, LessSafeKey, Nonce, Tag, UnboundKey},
    hmac,
};

use super::hex;
use crate::secret::Secret;

/// How many bytes are sealed at once.
pub(super) const CHUNK: usize = 64 * 1024;
/// The size of a chunk's tag.
pub(super) const TAG: usize = 16;

/// Seals and opens the chunks of one file.
#[derive(Debug)]
pub(super) struct FileCipher(LessSafeKey);

impl FileCipher {
    /// The cipher of the file with this salt.
    pub(super) fn new(data_key: &Secret, salt: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, data_key.expose()), salt);
        Self(gcm(derived.as_ref()))
    }

    /// Encrypts a chunk in place and returns its tag.
    pub(super) fn seal(&self, index: u64, chunk: &mut [u8]) -> io::Result<Tag> {
        self.0
            .seal_in_place_separate_tag(nonce(index), Aad::empty(), chunk)
            .map_err(|_| io::Error::other("a chunk could not be sealed"))
    }

    /// Decrypts a chunk in place.
    pub(super) fn open(&self, index: u64, chunk: &mut [u8], tag: [u8; TAG]) -> io::Result<()> {
        match self.0.open_in_place_separate_tag(nonce(index), Aad::empty(), Tag::from(tag), chunk, 0..) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a stored chunk is not what was written")),
        }
    }
}

fn nonce(index: u64) -> Nonce {
    let mut bytes = [0; aead::NONCE_LEN];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn gcm(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&aead::AES_256_GCM, key).expect("the key has 32 bytes"))
}

/// A random key of 32 bytes.
pub(super) fn fresh_key() -> io::Result<Secret> {
    Ok(Secret::new(hex::random::<32>()?))
}

/// The key for one purpose, from the store's master key.
pub(super) fn purpose_key(master: &Secret, purpose: &str) -> Secret {
    Secret::new(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master.expose()), purpose.as_bytes()).as_ref())
}

/// Encrypts a data key under another, as hexadecimal text; `bound` must be the same to get it back.
pub(super) fn wrap(wrapping: &Secret, bound: &[u8], key: &Secret) -> io::Result<String> {
    let random = hex::random::<{ aead::NONCE_LEN }>()?;
    let mut sealed = key.expose().to_vec();
    gcm(wrapping.expose())
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(random), Aad::from(bound), &mut sealed)
        .map_err(|_| io::Error::other("a data key could not be wrapped"))?;
    Ok(hex::encode(&[&random[..], &sealed].concat()))
}

/// Decrypts a data key that [`wrap`] made.
pub(super) fn unwrap(wrapping: &Secret, bound: &[u8], wrapped: &str) -> io::Result<Secret> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a stored data key is damaged");
    let bytes = hex::decode(wrapped).ok_or_else(damaged)?;
    let (random, sealed) = bytes.split_at_checked(aead::NONCE_LEN).ok_or_else(damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(random).map_err(|_| damaged())?;
    let mut sealed = sealed.to_vec();
    let key = gcm(wrapping.expose()).open_in_place(nonce, Aad::from(bound), &mut sealed).map_err(|_| damaged())?;
    Ok(Secret::new(&*key))
}

/// A salted check value of a customer key: it tells a wrong key and says nothing of the right one.
pub(super) fn key_check(salt: &[u8], key: &Secret) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), key.expose()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_only_at_its_place_in_its_file() {
        let key = fresh_key().unwrap();
        let cipher = FileCipher::new(&key, b"salt");
        let mut chunk = b"plain text".to_vec();
        let tag: [u8; TAG] = cipher.seal(3, &mut chunk).unwrap().as_ref().try_into().unwrap();
        assert_ne!(chunk, b"plain text");
        assert!(cipher.open(4, &mut chunk.clone(), tag).is_err());
        assert!(FileCipher::new(&key, b"other").open(3, &mut chunk.clone(), tag).is_err());
        cipher.open(3, &mut chunk, tag).unwrap();
        assert_eq!(chunk, b"plain text");
    }

    #[test]
    fn a_wrapped_key_comes_back_only_where_it_belongs() {
        let (master, key) = (fresh_key().unwrap(), fresh_key().unwrap());
        let wrapped = wrap(&master, b"bound", &key).unwrap();
        assert!(unwrap(&master, b"bound", &wrapped).unwrap().matches(&key));
        assert!(unwrap(&master, b"loose", &wrapped).is_err());
        assert!(unwrap(&key, b"bound", &wrapped).is_err());
        assert!(unwrap(&master, b"bound", &wrapped[2..]).is_err());
        assert!(unwrap(&master, b"bound", "zz").is_err());
    }
}
