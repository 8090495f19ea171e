//! Cross-site request forgery: tokens bound to a session, and the decision where a request comes from.
//!
//! * A token is `time ‖ 16 random bytes ‖ HMAC-SHA-256(key, session ‖ time ‖ random)`: it belongs to one
//!   session and dies with it (OWASP CSRF Prevention cheat sheet, "signed double-submit", session-bound).
//! * It is not used up, and a newer one does not void it, so several tabs work.
//! * [`OriginPolicy`] stands before it and refuses what a browser says comes from elsewhere.
//!
//! ```
//! use hardening::csrf::{CsrfKeys, CsrfRefusal};
//! use hardening::{clock::Timestamp, entropy::OsEntropy, keys::KeyRing, secret::Secret, session::SessionId};
//! use std::time::Duration;
//! let ring = KeyRing::new(&Secret::new("a root secret of 32 characters or more".into()), None);
//! let keys = CsrfKeys::new(&ring, Duration::from_hours(1));
//! let (mine, yours) = (SessionId::generate(&OsEntropy), SessionId::generate(&OsEntropy));
//! let now = Timestamp::from_unix_seconds(1_000);
//! let token = keys.issue(&mine, now, &OsEntropy);
//! assert_eq!(keys.verify(Some(token.expose()), &mine, now), Ok(()));
//! assert_eq!(keys.verify(Some(token.expose()), &yours, now), Err(CsrfRefusal::Invalid));
//! ```

mod origin;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, random_bytes};
use crate::keys::{KeyLabel, KeyRing, Signer};
use crate::secret::Secret;
use crate::session::SessionId;
use crate::session::token::CLOCK_LEEWAY;

pub use origin::{CrossOrigin, OriginPolicy, is_safe_method};

const TIME: usize = 8;
const RANDOM: usize = 16;
const TAG: usize = 32;
/// `TIME + RANDOM + TAG` bytes in unpadded Base64.
const TEXT_LENGTH: usize = 75;

/// Why a request is not believed to be its session's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrfRefusal {
    /// None was sent.
    #[error("CSRF token missing")]
    Missing,
    /// Not ours, changed, or another session's.
    #[error("CSRF token invalid")]
    Invalid,
    /// Ours, but too old.
    #[error("CSRF token expired")]
    Expired,
}

/// Issues and verifies CSRF tokens.
#[derive(Clone, Debug)]
pub struct CsrfKeys {
    signer: Signer,
    ttl: Duration,
}

impl CsrfKeys {
    /// Under the ring's CSRF key; tokens live `ttl`.
    pub fn new(ring: &KeyRing, ttl: Duration) -> Self {
        Self { signer: ring.signer(KeyLabel::Csrf), ttl }
    }

    /// A token for one session, 75 characters of URL-safe Base64.
    pub fn issue(&self, sid: &SessionId, now: Timestamp, entropy: &dyn Entropy) -> Secret<String> {
        let mut bytes = [0; TIME + RANDOM + TAG];
        bytes[..TIME].copy_from_slice(&now.micros().to_be_bytes());
        bytes[TIME..TIME + RANDOM].copy_from_slice(&random_bytes::<RANDOM>(entropy));
        let tag = self.signer.tag(&[sid.as_str().as_bytes(), &bytes[..TIME + RANDOM]]);
        bytes[TIME + RANDOM..].copy_from_slice(&tag);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether the token belongs to the session and is not too old. Its time may be a little ahead of this
    /// node's clock, as another node may have issued it.
    ///
    /// # Errors
    /// A missing (or empty), foreign or expired token; the tag is checked, in constant time, before the age.
    pub fn verify(&self, token: Option<&str>, sid: &SessionId, now: Timestamp) -> Result<(), CsrfRefusal> {
        let token = token.filter(|t| !t.is_empty()).ok_or(CsrfRefusal::Missing)?;
        if token.len() != TEXT_LENGTH {
            return Err(CsrfRefusal::Invalid);
        }
        let mut buffer = [0; 60];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut buffer).map_err(|_| CsrfRefusal::Invalid)?;
        let (stamped, tag) = buffer[..length].split_at(TIME + RANDOM);
        // A session id has one length, so id and time cannot run into each other.
        if !self.signer.verify(&[sid.as_str().as_bytes(), stamped], tag) {
            return Err(CsrfRefusal::Invalid);
        }
        let mut micros = [0; TIME];
        micros.copy_from_slice(&stamped[..TIME]);
        let issued_at = Timestamp::from_micros(i64::from_be_bytes(micros));
        if issued_at > now + CLOCK_LEEWAY {
            return Err(CsrfRefusal::Invalid);
        }
        if now >= issued_at + self.ttl {
            return Err(CsrfRefusal::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::OsEntropy;
    use crate::keys::tests::ring;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn keys() -> CsrfKeys {
        CsrfKeys::new(&ring("root", None), HOUR)
    }

    #[test]
    fn a_token_is_its_sessions_own() {
        let (mine, other) = (SessionId::generate(&OsEntropy), SessionId::generate(&OsEntropy));
        let token = keys().issue(&mine, NOW, &OsEntropy);
        assert_eq!(token.expose().len(), TEXT_LENGTH);
        assert_eq!(keys().verify(Some(token.expose()), &mine, NOW), Ok(()));
        assert_eq!(keys().verify(Some(token.expose()), &other, NOW), Err(CsrfRefusal::Invalid));
        assert_eq!(keys().verify(None, &mine, NOW), Err(CsrfRefusal::Missing));
        assert_eq!(keys().verify(Some(""), &mine, NOW), Err(CsrfRefusal::Missing));
        let newer = keys().issue(&mine, NOW, &OsEntropy);
        assert_ne!(newer, token);
        assert_eq!(keys().verify(Some(token.expose()), &mine, NOW), Ok(()), "older ones stay valid");
    }

    #[test]
    fn it_lives_its_time_exactly_and_does_not_come_from_the_future() {
        let sid = SessionId::generate(&OsEntropy);
        let token = keys().issue(&sid, NOW, &OsEntropy);
        let at = |moment| keys().verify(Some(token.expose()), &sid, moment);
        assert_eq!(at(NOW + HOUR - Duration::from_micros(1)), Ok(()));
        assert_eq!(at(NOW + HOUR), Err(CsrfRefusal::Expired));
        assert_eq!(at(NOW - CLOCK_LEEWAY), Ok(()));
        assert_eq!(at(NOW - CLOCK_LEEWAY - Duration::from_micros(1)), Err(CsrfRefusal::Invalid));
    }

    #[test]
    fn foreign_keys_make_no_token() {
        let sid = SessionId::generate(&OsEntropy);
        let other_root = CsrfKeys::new(&ring("other", None), HOUR).issue(&sid, NOW, &OsEntropy);
        assert_eq!(keys().verify(Some(other_root.expose()), &sid, NOW), Err(CsrfRefusal::Invalid));
        let mut other_label = keys();
        other_label.signer = ring("root", None).signer(KeyLabel::SessionToken);
        let token = other_label.issue(&sid, NOW, &OsEntropy);
        assert_eq!(keys().verify(Some(token.expose()), &sid, NOW), Err(CsrfRefusal::Invalid));
        let old_root = CsrfKeys::new(&ring("new", Some("root")), HOUR);
        assert_eq!(old_root.verify(Some(keys().issue(&sid, NOW, &OsEntropy).expose()), &sid, NOW), Ok(()));
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(position in 0usize..TEXT_LENGTH, replacement in "[ -~]") {
            let sid = SessionId::generate(&OsEntropy);
            let token = keys().issue(&sid, NOW, &OsEntropy);
            prop_assume!(token.expose()[position..=position] != replacement);
            let mut changed = token.expose().clone();
            changed.replace_range(position..=position, &replacement);
            prop_assert_eq!(keys().verify(Some(&changed), &sid, NOW), Err(CsrfRefusal::Invalid));
            prop_assert_eq!(
                keys().verify(Some(&token.expose()[..position.max(1)]), &sid, NOW),
                Err(CsrfRefusal::Invalid)
            );
        }

        #[test]
        fn no_text_makes_it_panic_or_pass(text in "\\PC{1,120}") {
            let sid = SessionId::generate(&OsEntropy);
            prop_assert_eq!(keys().verify(Some(&text), &sid, NOW), Err(CsrfRefusal::Invalid));
        }
    }
}
