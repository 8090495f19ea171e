//! The session's bearer token: a JWT signed with HS256 (RFC 7519, RFC 7515), worthless without the
//! server-side session it names.
//!
//! * One key, one algorithm, one header. The header must be, byte for byte, the one that [`TokenKeys::issue`]
//!   writes, so `alg`, `typ`, `kid`, `jku`, `jwk`, `crit`, `zip` and all else a sender could put there is
//!   never interpreted (RFC 8725, 3.1, 3.2, 3.11).
//! * The signature is checked before any claim is read. Then: no unknown and no repeated claim, times as
//!   whole seconds, issuer, audience and type exactly ours.
//! * Over at `exp`, to the second and without leeway; `iat` may be [`CLOCK_LEEWAY`] ahead of this node.
//!
//! ```
//! use hardening::{clock::Timestamp, entropy::OsEntropy, keys::KeyRing, secret::Secret};
//! use hardening::session::{SessionId, token::{SessionClaims, TokenKeys}};
//! let ring = KeyRing::new(&Secret::new("a root secret of 32 characters or more".into()), None);
//! let keys = TokenKeys::new(&ring, "https://app.example".into(), "https://app.example/api".into());
//! let claims = SessionClaims {
//!     sub: "person_1".into(), org: "org_1".into(), sid: SessionId::generate(&OsEntropy), iat: 100, exp: 200,
//! };
//! let token = keys.issue(&claims);
//! assert_eq!(keys.verify(token.expose(), Timestamp::from_unix_seconds(199)), Ok(claims));
//! assert!(keys.verify(token.expose(), Timestamp::from_unix_seconds(200)).is_err());
//! ```

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::SessionId;
use super::recent_tokens::RecentTokens;
use crate::clock::Timestamp;
use crate::keys::{KeyLabel, KeyRing, Signer};
use crate::secret::Secret;

/// `{"typ":"at+jwt","alg":"HS256"}` (RFC 9068, 2.1 for the type) in unpadded URL-safe Base64.
const HEADER: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9";
/// The type, said once more among the claims.
const TYPE: &str = "at+jwt";
/// No token of ours comes near this many bytes.
const MAX_LENGTH: usize = 8 * 1024;
/// 32 bytes in unpadded Base64.
const SIGNATURE_LENGTH: usize = 43;
/// How far another node's clock may be ahead of ours.
pub const CLOCK_LEEWAY: Duration = Duration::from_mins(1);

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// The person's id.
    pub sub: String,
    /// The person's organization.
    pub org: String,
    /// The server-side session.
    pub sid: SessionId,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: i64,
    /// When it ends, in seconds since the Unix epoch.
    pub exp: i64,
}

/// Why a token is worth nothing. Clients are told none of this; it is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not a token of ours at all: too long, not three parts, no Base64, no JSON, odd claims or numbers.
    #[error("malformed token")]
    Malformed,
    /// Signed by somebody else, or changed.
    #[error("bad signature")]
    BadSignature,
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// Another header, type, issuer or audience.
    #[error("wrong type of token")]
    WrongType,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    org: Cow<'a, str>,
    #[serde(borrow)]
    sid: Cow<'a, str>,
    iat: i64,
    exp: i64,
}

impl<'a> Payload<'a> {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and whole numbers are always JSON")
    }

    fn read(json: &'a [u8]) -> Result<Self, TokenRefused> {
        match Self::as_written(json) {
            Some(payload) => Ok(payload),
            None => serde_json::from_slice(json).map_err(|_| TokenRefused::Malformed),
        }
    }

    /// The short way for what [`Payload::to_json`] wrote without escapes: what nearly every request brings.
    fn as_written(json: &'a [u8]) -> Option<Self> {
        let rest = std::str::from_utf8(json).ok()?.strip_prefix("{\"iss\":\"")?;
        let (iss, rest) = text_before("\",\"aud\":\"", rest)?;
        let (aud, rest) = text_before("\",\"typ\":\"", rest)?;
        let (typ, rest) = text_before("\",\"sub\":\"", rest)?;
        let (sub, rest) = text_before("\",\"org\":\"", rest)?;
        let (org, rest) = text_before("\",\"sid\":\"", rest)?;
        let (sid, rest) = text_before("\",\"iat\":", rest)?;
        let (iat, rest) = number_before(",\"exp\":", rest)?;
        let (exp, rest) = number_before("}", rest)?;
        rest.is_empty().then_some(())?;
        let [iss, aud, typ, sub, org, sid] = [iss, aud, typ, sub, org, sid].map(Cow::Borrowed);
        Some(Self { iss, aud, typ, sub, org, sid, iat, exp })
    }
}

fn in_time(iat: i64, exp: i64, now: Timestamp) -> Result<(), TokenRefused> {
    if Timestamp::from_unix_seconds(iat) > now + CLOCK_LEEWAY {
        return Err(TokenRefused::Malformed);
    }
    if now >= Timestamp::from_unix_seconds(exp) {
        return Err(TokenRefused::Expired);
    }
    Ok(())
}

/// The text up to its closing quote, which `end` begins with, and what follows `end`. Nothing that JSON would escape.
fn text_before<'a>(end: &str, json: &'a str) -> Option<(&'a str, &'a str)> {
    let length = json.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))?;
    let (text, rest) = json.split_at(length);
    Some((text, rest.strip_prefix(end)?))
}

/// A whole number in its only form, and what follows `end`.
fn number_before<'a>(end: &str, json: &'a str) -> Option<(i64, &'a str)> {
    let length = json.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = json.split_at(length);
    let canonical = !digits.starts_with('0');
    Some((digits.parse().ok().filter(|_| canonical)?, rest.strip_prefix(end)?))
}

/// Issues and verifies session tokens.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    signer: Signer,
    issuer: String,
    audience: String,
    recent: Arc<RecentTokens>,
}

impl TokenKeys {
    /// Under the ring's session-token key. Issuer and audience are compared exactly.
    pub fn new(ring: &KeyRing, issuer: String, audience: String) -> Self {
        Self { signer: ring.signer(KeyLabel::SessionToken), issuer, audience, recent: Arc::default() }
    }

    /// A signed token that says `claims`.
    pub fn issue(&self, claims: &SessionClaims) -> Secret<String> {
        let payload = Payload {
            iss: Cow::Borrowed(&self.issuer),
            aud: Cow::Borrowed(&self.audience),
            typ: Cow::Borrowed(TYPE),
            sub: Cow::Borrowed(&claims.sub),
            org: Cow::Borrowed(&claims.org),
            sid: Cow::Borrowed(claims.sid.as_str()),
            iat: claims.iat,
            exp: claims.exp,
        };
        let json = payload.to_json();
        let mut token = String::with_capacity(HEADER.len() + json.len() * 4 / 3 + SIGNATURE_LENGTH + 4);
        token.push_str(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        let signature = self.signer.tag(&[token.as_bytes()]);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::new(token)
    }

    /// What the token says, if it is ours, whole and in time.
    ///
    /// # Errors
    /// The first reason found, in the order: form, header, signature, claims, type, time.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<SessionClaims, TokenRefused> {
        let payload = self.signed_payload(token)?;
        let payload = Payload::read(&payload)?;
        if payload.typ != TYPE || payload.iss != self.issuer || payload.aud != self.audience {
            return Err(TokenRefused::WrongType);
        }
        let sid = SessionId::parse(&payload.sid).ok_or(TokenRefused::Malformed)?;
        // No id of ours holds control characters, and stores refuse some of them as keys.
        let odd = |id: &str| id.is_empty() || id.contains(char::is_control);
        if odd(&payload.sub) || odd(&payload.org) {
            return Err(TokenRefused::Malformed);
        }
        in_time(payload.iat, payload.exp, now)?;
        Ok(SessionClaims {
            sub: payload.sub.into_owned(),
            org: payload.org.into_owned(),
            sid,
            iat: payload.iat,
            exp: payload.exp,
        })
    }

    /// As [`TokenKeys::verify`]. A token that was found good of late is only compared, in constant time, and its time
    /// checked anew: signature and claims of the same bytes are the same.
    ///
    /// # Errors
    /// As [`TokenKeys::verify`].
    pub fn verify_again(&self, token: &str, now: Timestamp) -> Result<Arc<SessionClaims>, TokenRefused> {
        if let Some(claims) = self.recent.find(token) {
            return in_time(claims.iat, claims.exp, now).map(|()| claims);
        }
        let claims = Arc::new(self.verify(token, now)?);
        self.recent.keep(token, &claims);
        Ok(claims)
    }

    /// The payload's bytes, once header and signature are found good.
    fn signed_payload(&self, token: &str) -> Result<Vec<u8>, TokenRefused> {
        if token.len() > MAX_LENGTH {
            return Err(TokenRefused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenRefused::Malformed)?;
        if payload.contains('.') || signature.len() != SIGNATURE_LENGTH {
            return Err(TokenRefused::Malformed);
        }
        if header != HEADER {
            return Err(TokenRefused::WrongType);
        }
        let mut tag = [0; 36];
        let length =
            URL_SAFE_NO_PAD.decode_slice(signature, &mut tag).map_err(|_| TokenRefused::Malformed)?;
        if !self.signer.verify(&[signed.as_bytes()], &tag[..length]) {
            return Err(TokenRefused::BadSignature);
        }
        URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenRefused::Malformed)
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
