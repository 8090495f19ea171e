//! Retries that change nothing twice (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! A client that did not get its answer sends the request again with the same key. The first one leaves a [`Receipt`],
//! stored in one transaction with its change, by which the second is known. A receipt belongs to the caller: the same
//! key of somebody else is another one. Used for another request, the key is refused.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::entropy::{Entropy, random_token};

/// How long a receipt is kept.
pub const KEPT: Duration = Duration::from_hours(24);
/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;

/// What a client calls its request: a Structured Field string (RFC 9651), or the same without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// 1 to 255 visible ASCII characters without `"` and `\`; none otherwise.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let header = header.trim_ascii();
        let bare = header.strip_prefix(b"\"").map_or(Some(header), |rest| rest.strip_suffix(b"\""))?;
        let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        let fits = (1..=LONGEST_KEY).contains(&bare.len()) && bare.iter().all(plain);
        fits.then(|| Self(String::from_utf8_lossy(bare).into_owned()))
    }
}

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The caller.
    pub person_id: &'a str,
    /// The caller's organization.
    pub org_id: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The whole body.
    pub body: &'a [u8],
}

/// What a change leaves of the request that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// A digest of caller and key.
    pub name: String,
    /// A digest of method, target and body.
    pub fingerprint: String,
    /// This attempt, unlike any other.
    pub attempt: String,
    /// The caller's organization.
    pub org_id: String,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

impl Receipt {
    /// The receipt for this request, should it change something.
    pub fn of(key: &IdempotencyKey, asked: Asked<'_>, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            name: digest(&[b"idempotency key", asked.person_id.as_bytes(), key.0.as_bytes()]),
            fingerprint: digest(&[asked.method.as_bytes(), asked.target.as_bytes(), asked.body]),
            attempt: random_token(entropy).expose().clone(),
            org_id: asked.org_id.to_owned(),
            expires_at: now + KEPT,
        }
    }
}

/// Parts are told apart by their lengths.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    const ASKED: Asked<'_> =
        Asked { person_id: "person_1", org_id: "org_1", method: "POST", target: "/api/teams", body: b"{}" };

    fn receipt(key: &str, asked: Asked<'_>) -> Receipt {
        let key = IdempotencyKey::parse(key.as_bytes()).expect("a key");
        Receipt::of(&key, asked, Timestamp::EPOCH, &OsEntropy)
    }

    #[test]
    fn keys_are_short_and_plain() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", &"k".repeat(255)] {
            assert!(IdempotencyKey::parse(good.as_bytes()).is_some(), "{good}");
        }
        assert_eq!(IdempotencyKey::parse(b"\"a\""), IdempotencyKey::parse(b" a "));
        for bad in ["", "\"\"", "\"a", "a\"", "a b", "a\\b", "\u{e9}", "a\u{7f}", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_receipt_is_the_caller_s_and_the_request_s() {
        let first = receipt("a", ASKED);
        assert_ne!(first.name, receipt("b", ASKED).name);
        assert_ne!(first.name, receipt("a", Asked { person_id: "person_2", ..ASKED }).name);
        let again = receipt("a", ASKED);
        assert_eq!((&first.name, &first.fingerprint), (&again.name, &again.fingerprint));
        assert_ne!(first.attempt, again.attempt);
        for other in [
            Asked { method: "PUT", ..ASKED },
            Asked { target: "/api/teams?a", ..ASKED },
            Asked { body: b"{ }", ..ASKED },
            Asked { target: "/api/team", body: b"s{}", ..ASKED },
        ] {
            assert_ne!(first.fingerprint, receipt("a", other).fingerprint, "{other:?}");
        }
    }
}
