//! Every symmetric key of the product, derived from one root secret (`SECRET_KEY`).
//!
//! * Each purpose has its own label; HKDF-SHA-256 (RFC 5869) makes the keys independent, so what is signed
//!   for one purpose never passes for another (ASVS 5.0, 11.1.1; NIST SP 800-57 part 1, 5.2).
//! * With a previous root, what was signed under it is still accepted; new signatures use the current one.
//! * [`inventory`] lists every label with its algorithm and its use.
//!
//! What the deployment must ensure: the root has 256 bits of entropy and is the same on all nodes.
//!
//! ```
//! use hardening::keys::{KeyLabel, KeyRing};
//! use hardening::secret::Secret;
//! let old = KeyRing::new(&Secret::new("an old root secret of 32 chars or more".into()), None);
//! let note = old.signer(KeyLabel::Cursor).seal(b"page 2");
//!
//! let rotated = KeyRing::new(
//!     &Secret::new("a new root secret of 32 chars or more".into()),
//!     Some(&Secret::new("an old root secret of 32 chars or more".into())),
//! );
//! assert_eq!(rotated.signer(KeyLabel::Cursor).open(&note, 200).as_deref(), Some(&b"page 2"[..]));
//! assert_eq!(rotated.signer(KeyLabel::Device).open(&note, 200), None);
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::{Secret, same};

/// Separates our keys from those of any other program that was given the same root.
const SALT: &[u8] = b"signupflow/keys/v1";

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyLabel {
    /// Signs the bearer token of a session.
    SessionToken,
    /// Signs CSRF tokens.
    Csrf,
    /// Signs known-device tokens.
    Device,
    /// Hashes what is looked up by its hash: recovery codes and the like.
    Pepper,
    /// Authenticates audit material that is not signed in public.
    AuditMac,
    /// Signs or hashes tokens that live for one step.
    OneTimeToken,
    /// Signs cursors of lists.
    Cursor,
    /// Encryption of mail that waits for delivery.
    Outbox,
}

impl KeyLabel {
    const fn text(self) -> &'static str {
        match self {
            Self::SessionToken => "session-token",
            Self::Csrf => "csrf",
            Self::Device => "device",
            Self::Pepper => "pepper",
            Self::AuditMac => "audit-mac",
            Self::OneTimeToken => "one-time-token",
            Self::Cursor => "cursor",
            Self::Outbox => "outbox",
        }
    }
}

/// Every label with its algorithm and its use: the key inventory of ASVS 5.0, 11.1.1.
pub const fn inventory() -> &'static [(KeyLabel, &'static str, &'static str)] {
    &[
        (KeyLabel::SessionToken, "HMAC-SHA-256 (JWS HS256)", "bearer token of a session"),
        (KeyLabel::Csrf, "HMAC-SHA-256", "CSRF token, bound to its session"),
        (KeyLabel::Device, "HMAC-SHA-256", "known-device token, bound to its account"),
        (KeyLabel::Pepper, "HMAC-SHA-256", "stored hashes of recovery codes"),
        (KeyLabel::AuditMac, "HMAC-SHA-256", "audit material that is not signed in public"),
        (KeyLabel::OneTimeToken, "HMAC-SHA-256", "tokens that live for one step"),
        (KeyLabel::Cursor, "HMAC-SHA-256", "cursors of lists"),
        (KeyLabel::Outbox, "XChaCha20-Poly1305", "mail that waits for delivery"),
    ]
}

/// The 256-bit keys of one label.
#[derive(Debug)]
pub struct KeyPair {
    /// Signs, and verifies first.
    pub current: Secret<[u8; 32]>,
    /// Verifies only; there while the root is being rotated.
    pub previous: Option<Secret<[u8; 32]>>,
}

/// The root, from which every key is derived.
#[derive(Debug)]
pub struct KeyRing {
    current: Secret<[u8; 32]>,
    previous: Option<Secret<[u8; 32]>>,
}

impl KeyRing {
    /// From the current root and, while it is being rotated, the one before it. How long a root must be is
    /// the configuration's business.
    pub fn new(current: &Secret<String>, previous: Option<&Secret<String>>) -> Self {
        Self { current: extract(current), previous: previous.map(extract) }
    }

    /// The keys of one purpose.
    pub fn derive(&self, label: KeyLabel) -> KeyPair {
        KeyPair {
            current: expand(&self.current, label),
            previous: self.previous.as_ref().map(|root| expand(root, label)),
        }
    }

    /// A signer for one purpose.
    pub fn signer(&self, label: KeyLabel) -> Signer {
        let keys = self.derive(label);
        Signer { current: hmac_with(&keys.current), previous: keys.previous.as_ref().map(hmac_with) }
    }
}

fn extract(root: &Secret<String>) -> Secret<[u8; 32]> {
    let (pseudorandom, _) = Hkdf::<Sha256>::extract(Some(SALT), root.expose().as_bytes());
    Secret::new(pseudorandom.into())
}

fn expand(root: &Secret<[u8; 32]>, label: KeyLabel) -> Secret<[u8; 32]> {
    let mut key = [0; 32];
    Hkdf::<Sha256>::from_prk(root.expose())
        .expect("32 bytes are what HKDF-SHA-256 asks for")
        .expand(label.text().as_bytes(), &mut key)
        .expect("32 bytes are one block");
    Secret::new(key)
}

fn hmac_with(key: &Secret<[u8; 32]>) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length")
}

/// Makes and checks HMAC-SHA-256 tags under the keys of one label. The key schedule is done once.
#[derive(Clone)]
pub struct Signer {
    current: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer([REDACTED])")
    }
}

impl Signer {
    /// The tag of the parts, one after the other. Where a part may vary in length the caller must keep the
    /// parts apart, or two messages share one tag.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        tag_under(&self.current, parts)
    }

    /// The tags of the parts under the current and, while there is one, the previous key: for looking up what was
    /// stored by its tag.
    pub fn tags(&self, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        std::iter::once(&self.current).chain(&self.previous).map(|key| tag_under(key, parts)).collect()
    }

    /// Whether the tag is that of the parts under the current or the previous key; in constant time.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let fits = |key: &Hmac<Sha256>| same(&tag_under(key, parts), tag);
        fits(&self.current) || self.previous.as_ref().is_some_and(fits)
    }

    /// `payload.tag`, both as unpadded URL-safe Base64: fit for cookies, headers and query strings.
    /// The payload can be read by anyone, but not changed.
    pub fn seal(&self, payload: &[u8]) -> String {
        let mut sealed = URL_SAFE_NO_PAD.encode(payload);
        let tag = self.tag(&[payload]);
        sealed.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut sealed);
        sealed
    }

    /// The payload of what [`Self::seal`] made; `None` for anything else, and for more than `max_length`
    /// bytes.
    pub fn open(&self, sealed: &str, max_length: usize) -> Option<Vec<u8>> {
        if sealed.len() > max_length {
            return None;
        }
        let (payload, tag) = sealed.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        self.verify(&[&payload], &tag).then_some(payload)
    }
}

fn tag_under(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ring(root: &str, previous: Option<&str>) -> KeyRing {
        let previous = previous.map(|p| Secret::new(p.to_owned()));
        KeyRing::new(&Secret::new(root.to_owned()), previous.as_ref())
    }

    #[test]
    fn labels_give_independent_keys_and_all_are_in_the_inventory() {
        let ring = ring("root", None);
        let keys: std::collections::HashSet<[u8; 32]> =
            inventory().iter().map(|(label, _, _)| *ring.derive(*label).current.expose()).collect();
        assert_eq!(keys.len(), inventory().len());
    }

    /// Computed apart, with Python's `hmac`, from RFC 5869's definition.
    #[test]
    fn derivation_is_hkdf_sha_256() {
        let key = ring("root", None).derive(KeyLabel::Csrf);
        assert_eq!(
            crate::one_time_token::TokenHash(*key.current.expose()).to_hex(),
            "fa55eadfbc5e2aac0b91c7f9a7aa6a5dae2a620807a6eab377bbf6e25ef6504a"
        );
        assert!(key.previous.is_none());
    }

    #[test]
    fn a_rotated_ring_accepts_the_old_root_but_signs_with_the_new() {
        let old = ring("old", None).signer(KeyLabel::Cursor);
        let rotated = ring("new", Some("old")).signer(KeyLabel::Cursor);
        assert!(rotated.open(&old.seal(b"x"), 100).is_some());
        assert!(old.open(&rotated.seal(b"x"), 100).is_none());
        assert!(ring("new", None).signer(KeyLabel::Cursor).open(&old.seal(b"x"), 100).is_none());
    }

    #[test]
    fn changed_sealed_text_does_not_open() {
        let signer = ring("root", None).signer(KeyLabel::Cursor);
        let sealed = signer.seal(b"payload");
        assert_eq!(signer.open(&sealed, sealed.len()).as_deref(), Some(&b"payload"[..]));
        assert_eq!(signer.open(&sealed, sealed.len() - 1), None, "too long");
        for position in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(signer.open(std::str::from_utf8(&changed).unwrap(), 500), None, "{position}");
        }
        for bad in ["", ".", "a", &sealed[..sealed.len() - 1], &format!("{sealed}="), &format!("{sealed}.")] {
            assert_eq!(signer.open(bad, 500), None, "{bad}");
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        let ring = ring("root", Some("old"));
        let shown = format!("{ring:?} {:?} {:?}", ring.derive(KeyLabel::Csrf), ring.signer(KeyLabel::Csrf));
        assert!(!shown.contains("root") && shown.matches("[REDACTED]").count() == 5, "{shown}");
    }
}
