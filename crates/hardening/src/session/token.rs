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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::{OsEntropy, PredictableEntropy};
    use crate::keys::tests::ring;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn keys() -> TokenKeys {
        TokenKeys::new(&ring("root", None), "issuer".into(), "audience".into())
    }

    fn claims() -> SessionClaims {
        SessionClaims {
            sub: "person_1".into(),
            org: "org_1".into(),
            sid: SessionId::generate(&PredictableEntropy::from_seed(1)),
            iat: 999_999,
            exp: 1_000_100,
        }
    }

    /// Signs any header and payload with the right key: what only a bug of ours, or a thief, could do.
    fn signed(header: &str, payload: &str) -> String {
        signed_raw(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(payload))
    }

    fn signed_raw(header: &str, payload: &str) -> String {
        let body = format!("{header}.{payload}");
        let tag = keys().signer.tag(&[body.as_bytes()]);
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    const GOOD_HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256"}"#;

    fn payload_with(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
        let c = claims();
        let mut json = serde_json::json!({
            "iss": "issuer", "aud": "audience", "typ": "at+jwt", "sub": c.sub, "org": c.org,
            "sid": c.sid.as_str(), "iat": c.iat, "exp": c.exp,
        });
        change(json.as_object_mut().unwrap());
        json.to_string()
    }

    #[test]
    fn the_header_constant_says_what_its_comment_says() {
        assert_eq!(URL_SAFE_NO_PAD.encode(GOOD_HEADER), HEADER);
        assert_eq!(keys().verify(&signed(GOOD_HEADER, &payload_with(|_| ())), NOW), Ok(claims()));
    }

    /// Computed apart, with Python's `hmac`, under the key that HKDF gives for this root and label.
    #[test]
    fn the_signature_is_hs256() {
        let key = ring("root", None).derive(KeyLabel::SessionToken);
        assert_eq!(
            crate::one_time_token::TokenHash(*key.current.expose()).to_hex(),
            "b70dde95d3eca7786346d033f5f140c081a05434e6dcfd842e72a66d26d9a8e6"
        );
        let signed = signed_raw(HEADER, "e30");
        assert_eq!(signed.rsplit_once('.').unwrap().1, "wZ9zrU5G7Y5RN7gF-QGdXox92dZBA35pq19OUqvIDng");
    }

    #[test]
    fn expiry_is_exact_and_only_a_minute_of_clock_difference_is_forgiven() {
        let token = keys().issue(&claims());
        let at = |micros| keys().verify(token.expose(), Timestamp::from_micros(micros)).map(|c| c.exp);
        assert_eq!(at(1_000_100_000_000 - 1), Ok(1_000_100));
        assert_eq!(at(1_000_100_000_000), Err(TokenRefused::Expired));
        assert_eq!(at((999_999 - 60) * 1_000_000), Ok(1_000_100));
        assert_eq!(at((999_999 - 60) * 1_000_000 - 1), Err(TokenRefused::Malformed));
    }

    #[test]
    fn a_token_that_comes_again_is_judged_like_the_first_time() {
        let keys = keys();
        let token = keys.issue(&claims());
        let at = |micros| keys.verify_again(token.expose(), Timestamp::from_micros(micros));
        for _ in 0..3 {
            assert_eq!(at(1_000_000_000_000).as_deref(), Ok(&claims()));
            assert_eq!(at(1_000_100_000_000), Err(TokenRefused::Expired));
            assert_eq!(at((999_999 - 60) * 1_000_000 - 1), Err(TokenRefused::Malformed));
        }
        let first = at(1_000_000_000_000).expect("good");
        assert!(Arc::ptr_eq(&first, &at(1_000_000_000_000).expect("good")), "it is not read again");
        for position in 0..token.expose().len() {
            let mut changed = token.expose().clone();
            let other = if &changed[position..=position] == "A" { "B" } else { "A" };
            changed.replace_range(position..=position, other);
            assert!(keys.verify_again(&changed, NOW).is_err(), "{position}");
        }
        assert!(keys.verify_again("", NOW).is_err() && keys.verify_again(&token.expose()[1..], NOW).is_err());
    }

    #[test]
    fn headers_a_sender_could_choose_are_refused_even_with_a_good_signature() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"typ":"at+jwt","alg":"none"}"#,
            r#"{"typ":"at+jwt","alg":"None"}"#,
            r#"{"typ":"at+jwt","alg":"nOnE"}"#,
            r#"{"typ":"at+jwt","alg":"RS256"}"#,
            r#"{"typ":"at+jwt","alg":"HS512"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","kid":"../../../dev/null"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","kid":"' OR 1=1 --"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","jku":"https://evil.example/keys"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#,
            r#"{"typ":"at+jwt","alg":"HS256","x5u":"https://evil.example"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","crit":["exp"]}"#,
            r#"{"typ":"at+jwt","alg":"HS256","b64":false,"crit":["b64"]}"#,
            r#"{"typ":"at+jwt","alg":"HS256","zip":"DEF"}"#,
            r#"{"typ":"at+jwt","alg":"HS256","alg":"HS256"}"#,
            r#"{"typ":"at+jwt","alg":"HS256"} "#,
            r#"{"typ":"JWT","alg":"HS256"}"#,
            r#"{"typ":"mfa-pending+jwt","alg":"HS256"}"#,
            r#"{"alg":"HS256"}"#,
            "",
            "null",
        ] {
            let token = signed(header, &payload_with(|_| ()));
            assert_eq!(keys().verify(&token, NOW), Err(TokenRefused::WrongType), "{header}");
        }
    }

    #[test]
    fn odd_claims_are_refused_even_with_a_good_signature() {
        let refused = |payload: &str| keys().verify(&signed(GOOD_HEADER, payload), NOW).unwrap_err();
        for (name, value) in [("iss", "other"), ("aud", "other"), ("typ", "JWT"), ("typ", "AT+JWT")] {
            let payload = payload_with(|p| _ = p.insert(name.into(), value.into()));
            assert_eq!(refused(&payload), TokenRefused::WrongType, "{name}");
        }
        let good = payload_with(|_| ());
        for exp in
            ["\"1000100\"", "1e308", "1000100.0", "1.0001e6", "9223372036854775808", "null", "[1]", "-0.5"]
        {
            let payload = good.replace("\"exp\":1000100", &format!("\"exp\":{exp}"));
            assert_ne!(payload, good);
            assert_eq!(refused(&payload), TokenRefused::Malformed, "{exp}");
        }
        for exp in ["-1", "0", "999999", "-9223372036854775808"] {
            let payload = good.replace("\"exp\":1000100", &format!("\"exp\":{exp}"));
            assert_eq!(refused(&payload), TokenRefused::Expired, "{exp}");
        }
        for name in ["iss", "aud", "typ", "sub", "org", "sid", "iat", "exp"] {
            let payload = payload_with(|p| _ = p.remove(name));
            assert_eq!(refused(&payload), TokenRefused::Malformed, "without {name}");
        }
        let repeated = good.replacen('{', r#"{"sub":"person_2","#, 1);
        assert_eq!(refused(&repeated), TokenRefused::Malformed, "repeated claim");
        let unknown = good.replacen('{', r#"{"admin":true,"#, 1);
        assert_eq!(refused(&unknown), TokenRefused::Malformed, "unknown claim");
        for (name, value) in [("sub", ""), ("sid", "session_x"), ("sid", "")] {
            let payload = payload_with(|p| _ = p.insert(name.into(), value.into()));
            assert_eq!(refused(&payload), TokenRefused::Malformed, "{name}={value}");
        }
        let audiences = payload_with(|p| _ = p.insert("aud".into(), serde_json::json!(["audience"])));
        assert_eq!(refused(&audiences), TokenRefused::Malformed);
        for payload in ["", "{}", "null", "[]", "\u{feff}{}", "{\"a\":"] {
            assert_eq!(refused(payload), TokenRefused::Malformed, "{payload}");
        }
        assert_eq!(refused(&format!("{good}{good}")), TokenRefused::Malformed, "trailing data");
    }

    #[test]
    fn odd_forms_are_refused() {
        let token = keys().issue(&claims());
        let token = token.expose();
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        for bad in [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!("{header}.{payload}.{signature}.{signature}.{signature}"),
            format!("{token}="),
            format!("{token}\n"),
            format!("{token} "),
            format!("{header}.{payload}.{}", signature.replace(['-', '_', 'A'], "+")),
            format!("{{\"payload\":\"{payload}\",\"signatures\":[]}}"),
            "a".repeat(1_000_000),
        ] {
            assert!(keys().verify(&bad, NOW).is_err(), "{bad:.80}");
        }
        for bad in [format!(" {token}"), format!("{header}=.{payload}.{signature}")] {
            assert_eq!(keys().verify(&bad, NOW), Err(TokenRefused::WrongType));
        }
        assert_eq!(
            keys().verify(&signed_raw(HEADER, &format!("{payload}=")), NOW),
            Err(TokenRefused::Malformed),
            "padding"
        );
        let long = payload_with(|p| _ = p.insert("sub".into(), "x".repeat(8_000).into()));
        assert_eq!(keys().verify(&signed(GOOD_HEADER, &long), NOW), Err(TokenRefused::Malformed), "too long");
    }

    #[test]
    fn keys_of_other_labels_and_roots_do_not_sign_sessions() {
        for (label, _, _) in crate::keys::inventory() {
            let mut forger = keys();
            forger.signer = ring("root", None).signer(*label);
            let outcome = keys().verify(forger.issue(&claims()).expose(), NOW);
            if *label == KeyLabel::SessionToken {
                assert_eq!(outcome, Ok(claims()));
            } else {
                assert_eq!(outcome, Err(TokenRefused::BadSignature), "{label:?}");
            }
        }
        let rotated = TokenKeys::new(&ring("new", Some("root")), "issuer".into(), "audience".into());
        assert_eq!(rotated.verify(keys().issue(&claims()).expose(), NOW), Ok(claims()));
        assert_eq!(keys().verify(rotated.issue(&claims()).expose(), NOW), Err(TokenRefused::BadSignature));
    }

    proptest! {
        #[test]
        fn what_is_issued_verifies(sub in "\\PC{1,40}", org in "\\PC{1,40}", iat in 0i64..1_000_000, life in 1i64..9_999) {
            let claims = SessionClaims { sub, org, sid: SessionId::generate(&OsEntropy), iat, exp: 1_000_000 + life };
            let token = keys().issue(&claims);
            prop_assert_eq!(keys().verify(token.expose(), NOW), Ok(claims));
        }

        #[test]
        fn the_short_way_reads_nothing_but_what_json_reads(
            texts in prop::array::uniform6("[a-z\"\\\\,:é\u{0}-\u{1f}]{0,6}"), iat in "-?[0-9+.e]{1,4}", exp in "[0-9 ]{1,4}"
        ) {
            let [iss, aud, typ, sub, org, sid] = texts;
            let json = format!(
                r#"{{"iss":"{iss}","aud":"{aud}","typ":"{typ}","sub":"{sub}","org":"{org}","sid":"{sid}","iat":{iat},"exp":{exp}}}"#
            );
            if let Some(short) = Payload::as_written(json.as_bytes()) {
                prop_assert_eq!(short, serde_json::from_str(&json).expect("JSON"));
            }
        }

        #[test]
        fn the_short_way_is_taken(sub in "[a-z0-9_é-]{1,40}", org in "[a-z0-9_]{1,40}", iat in 1i64.., exp in 1i64..) {
            let text = |text: &str| Cow::Owned(text.to_owned());
            let payload = Payload {
                iss: text("https://a.example"), aud: text("https://a.example/api"), typ: text(TYPE), sub: sub.into(),
                org: org.into(), sid: text("session_x"), iat, exp,
            };
            let json = payload.to_json();
            prop_assert_eq!(Payload::as_written(&json), Some(payload));
        }

        #[test]
        fn any_changed_character_is_noticed(position in 0usize..10_000, replacement in "[ -~]") {
            let token = keys().issue(&claims());
            let token = token.expose();
            let position = position % token.len();
            prop_assume!(token[position..=position] != replacement);
            let mut changed = token.clone();
            changed.replace_range(position..=position, &replacement);
            prop_assert!(keys().verify(&changed, NOW).is_err());
        }

        #[test]
        fn no_text_makes_it_panic_or_pass(text in "\\PC{0,300}") {
            prop_assert!(keys().verify(&text, NOW).is_err());
        }
    }
}
