//! Fernet tokens (<https://github.com/fernet/spec>), as Python's `cryptography.fernet` reads and writes them.
//!
//! * AES-128-CBC, then HMAC-SHA-256 over version, time and ciphertext; the tag is checked before anything is
//!   decrypted. The time in a token is not looked at: what is stored does not go bad.
//! * Several keys: the first one encrypts, all decrypt (`MultiFernet`). A token of an older key is encrypted again
//!   by [`Fernet::rotated`].

use std::fmt;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, random_bytes};
use crate::secret::Secret;

const VERSION: u8 = 0x80;
/// Version, time, initialisation vector.
const HEAD: usize = 1 + 8 + 16;
const TAG: usize = 32;

/// The keys, newest first; at least one. The first half of each signs, the second encrypts.
#[derive(Clone)]
pub struct Fernet {
    first: Secret<[u8; 32]>,
    older: Vec<Secret<[u8; 32]>>,
}

/// No key opens the token, or it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key opens what is stored")]
pub struct FernetRefused;

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fernet([REDACTED], {} keys)", self.older.len() + 1)
    }
}

impl Fernet {
    /// With these keys, newest first; `None` without any.
    pub fn new(keys: impl IntoIterator<Item = Secret<[u8; 32]>>) -> Option<Self> {
        let mut keys = keys.into_iter();
        Some(Self { first: keys.next()?, older: keys.collect() })
    }

    /// A token under the first key.
    ///
    /// # Panics
    /// Never: the keys have the length the ciphers ask for.
    pub fn encrypt(&self, plain: &[u8], now: Timestamp, entropy: &dyn Entropy) -> String {
        encrypted(&self.first, plain, now, random_bytes(entropy))
    }

    /// What the token holds.
    ///
    /// # Errors
    /// [`FernetRefused`].
    pub fn decrypt(&self, token: &str) -> Result<Secret<Vec<u8>>, FernetRefused> {
        let bytes = URL_SAFE.decode(token).map_err(|_| FernetRefused)?;
        let keys = std::iter::once(&self.first).chain(&self.older);
        keys.into_iter().find_map(|key| decrypted(key, &bytes)).ok_or(FernetRefused)
    }

    /// The same under the first key; `None` where it is already.
    ///
    /// # Errors
    /// [`FernetRefused`].
    pub fn rotated(
        &self,
        token: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Option<String>, FernetRefused> {
        let bytes = URL_SAFE.decode(token).map_err(|_| FernetRefused)?;
        if decrypted(&self.first, &bytes).is_some() {
            return Ok(None);
        }
        let plain = self.decrypt(token)?;
        Ok(Some(self.encrypt(plain.expose(), now, entropy)))
    }
}

fn encrypted(key: &Secret<[u8; 32]>, plain: &[u8], now: Timestamp, iv: [u8; 16]) -> String {
    let mut token = vec![VERSION];
    token.extend(now.unix_seconds().max(0).to_be_bytes());
    token.extend(iv);
    let cipher = cbc::Encryptor::<Aes128>::new_from_slices(&key.expose()[16..], &iv)
        .expect("16 bytes are what AES-128 asks for");
    token.extend(cipher.encrypt_padded_vec::<Pkcs7>(plain));
    let tag = mac(key, &token).finalize().into_bytes();
    token.extend(tag);
    URL_SAFE.encode(token)
}

fn decrypted(key: &Secret<[u8; 32]>, token: &[u8]) -> Option<Secret<Vec<u8>>> {
    let signed = token.len().checked_sub(TAG)?;
    let (signed, tag) = token.split_at(signed);
    if signed.len() < HEAD || signed[0] != VERSION {
        return None;
    }
    mac(key, signed).verify_slice(tag).ok()?;
    let (iv, ciphertext) = signed[HEAD - 16..].split_at(16);
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(&key.expose()[16..], iv).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok().map(Secret::new)
}

fn mac(key: &Secret<[u8; 32]>, message: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key.expose()[..16]).expect("HMAC takes a key of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::OsEntropy;

    /// In the past: the other implementation refuses tokens of the future.
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn key(text: &str) -> Secret<[u8; 32]> {
        Secret::new(URL_SAFE.decode(text).expect("Base64").try_into().expect("32 bytes"))
    }

    fn ours(keys: &[[u8; 32]]) -> Fernet {
        Fernet::new(keys.iter().copied().map(Secret::new)).expect("a key")
    }

    /// `fernet` is another implementation, checked against Python's.
    fn theirs(key: [u8; 32]) -> fernet::Fernet {
        fernet::Fernet::new(&URL_SAFE.encode(key)).expect("a key")
    }

    /// The vector of the specification (`generate.json`, `verify.json`).
    #[test]
    fn the_specifications_vector() {
        let key = key("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
        let iv = std::array::from_fn(|n| u8::try_from(n).expect("below 16"));
        let token = encrypted(&key, b"hello", Timestamp::from_unix_seconds(499_162_800), iv);
        let expected = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(token, expected);
        assert_eq!(Fernet::new([key]).expect("a key").decrypt(expected).expect("opens").expose(), b"hello");
    }

    /// Written by Python's `cryptography` 48, `MultiFernet` included.
    #[test]
    fn tokens_written_by_python_are_read() {
        let (old, new) = ([1; 32], [2; 32]);
        let token = "gAAAAABrBXwhz1OMqdKYf2rgsdCOaVtZosx_C3CmKWbO91wF1GxeD0fURmVFYPyPTK7fGDhCoW9di1v3oZNu7DBWrj2QvUKldWkrECf_PjhW8OAp7_K21EZe-mKvBrqy_MEIt_rN-28j";
        for fernet in [ours(&[old]), ours(&[new, old])] {
            assert_eq!(fernet.decrypt(token).expect("opens").expose(), b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        }
        assert_eq!(ours(&[new]).decrypt(token), Err(FernetRefused));
    }

    #[test]
    fn the_first_key_encrypts_and_all_decrypt() {
        let (old, new) = ([1; 32], [2; 32]);
        let token = ours(&[old]).encrypt(b"secret", NOW, &OsEntropy);
        let both = ours(&[new, old]);
        let rotated = both.rotated(&token, NOW, &OsEntropy).expect("opens").expect("was the old key's");
        assert_eq!(both.rotated(&rotated, NOW, &OsEntropy), Ok(None));
        assert_eq!(ours(&[new]).decrypt(&rotated).expect("opens").expose(), b"secret");
        assert_eq!(ours(&[new]).decrypt(&token), Err(FernetRefused));
        assert_eq!(ours(&[new]).rotated(&token, NOW, &OsEntropy), Err(FernetRefused));
    }

    #[test]
    fn whatever_is_changed_does_not_open() {
        let fernet = ours(&[[3; 32]]);
        let token = URL_SAFE.decode(fernet.encrypt(b"secret", NOW, &OsEntropy)).expect("Base64");
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert_eq!(fernet.decrypt(&URL_SAFE.encode(changed)), Err(FernetRefused), "{at}");
            assert_eq!(fernet.decrypt(&URL_SAFE.encode(&token[..at])), Err(FernetRefused), "{at}");
        }
        for bad in ["", "gAAAAA", "é", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"] {
            assert_eq!(fernet.decrypt(bad), Err(FernetRefused), "{bad}");
        }
        assert!(!format!("{fernet:?}").contains('3'));
    }

    proptest! {
        #[test]
        fn the_other_implementation_agrees_both_ways(key in any::<[u8; 32]>(), plain in any::<Vec<u8>>()) {
            let ours = ours(&[key]);
            let token = ours.encrypt(&plain, NOW, &OsEntropy);
            prop_assert_eq!(theirs(key).decrypt(&token).ok(), Some(plain.clone()));
            let token = theirs(key).encrypt(&plain);
            prop_assert_eq!(ours.decrypt(&token).map(|plain| plain.expose().clone()), Ok(plain));
        }

        #[test]
        fn any_text_opens_or_does_not(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = ours(&[[4; 32]]).decrypt(&text);
            let _ = ours(&[[4; 32]]).decrypt(&URL_SAFE.encode(bytes));
        }
    }
}
