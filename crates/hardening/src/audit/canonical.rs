//! Canonical bytes of an event: what is hashed, signed and proved. Format 1.
//!
//! * RFC 8785 (JSON Canonicalization Scheme) over ASCII keys, strings, integers, arrays and null; no
//!   fractional numbers occur, so number formatting cannot differ.
//! * Personal fields appear as commitments `HMAC-SHA-256(salt, name ‖ 0x00 ‖ value)`, 16 random bytes of
//!   salt a row: whoever erases value and salt keeps the leaf and its proof.
//! * Leaf hash: `SHA-256(0x00 ‖ canonical)` (RFC 6962, 2.1).

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::AuditEvent;
use crate::entropy::{Entropy, random_bytes};
use crate::hex::lower;

/// Written into every canonical form; a verifier that meets a higher one must say "cannot verify".
pub const CANONICAL_VERSION: i64 = 1;

/// An event together with its salt, canonical bytes and leaf hash.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedEvent {
    /// The event.
    pub event: AuditEvent,
    /// The event's changes as they are hashed and stored: canonical JSON.
    pub changes: Option<String>,
    /// Salt of the personal fields' commitments.
    pub salt: [u8; 16],
    /// The exact hashed bytes.
    pub canonical: Vec<u8>,
    /// `SHA-256(0x00 ‖ canonical)`.
    pub leaf_hash: [u8; 32],
}

impl SealedEvent {
    /// Draws a salt and seals.
    pub fn seal(event: AuditEvent, entropy: &dyn Entropy) -> Self {
        Self::with_salt(event, random_bytes(entropy))
    }

    /// Seals with a known salt: for verification.
    pub fn with_salt(event: AuditEvent, salt: [u8; 16]) -> Self {
        let changes = event.changes.as_ref().map(|changes| canonical_json(changes.as_json()));
        let canonical = canonical_bytes(&event, changes.as_deref(), &salt);
        let leaf_hash = Sha256::new().chain_update([0]).chain_update(&canonical).finalize().into();
        Self { event, changes, salt, canonical, leaf_hash }
    }
}

/// The members in the order of their names, as RFC 8785 has them.
fn canonical_bytes(event: &AuditEvent, changes: Option<&str>, salt: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut member = |before: &str, name: &str, value: Scalar<'_>| {
        out.extend_from_slice(before.as_bytes());
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        value.write(&mut out);
    };
    member("{", "action", Scalar::Text(event.action.as_str()));
    let mut before = ",\"commitments\":{";
    for (name, commitment) in commitments(event, changes, salt) {
        member(before, name, Scalar::Optional(commitment.as_deref()));
        before = ",";
    }
    member("},", "id", Scalar::Text(&event.id));
    member(",", "org_id", Scalar::Text(&event.org_id));
    member(",", "request_id", Scalar::Optional(event.request_id.as_deref()));
    member(",", "resource_id", Scalar::Text(&event.resource.id));
    member(",", "resource_type", Scalar::Text(event.resource.kind));
    member(",", "status", Scalar::Text(event.status.as_str()));
    member(",", "timestamp", Scalar::Number(event.timestamp.micros()));
    member(",", "user_id", Scalar::Text(&event.user_id));
    member(",", "user_roles", Scalar::Texts(&event.user_roles));
    member(",", "v", Scalar::Number(CANONICAL_VERSION));
    out.push(b'}');
    out
}

/// Commitments by the names of their fields, in the order of the names.
fn commitments(
    event: &AuditEvent,
    changes: Option<&str>,
    salt: &[u8; 16],
) -> [(&'static str, Option<String>); 6] {
    let keyed = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    let commit = |name: &'static str, value: Option<&str>| {
        let commitment = value.map(|value| {
            let mut mac = keyed.clone();
            mac.update(name.as_bytes());
            mac.update(&[0]);
            mac.update(value.as_bytes());
            lower(&mac.finalize().into_bytes())
        });
        (name, commitment)
    };
    [
        commit("changes", changes),
        commit("error_message", event.error_message.as_deref()),
        commit("ip_address", event.ip_address.as_deref()),
        commit("resource_name", event.resource.name.as_deref()),
        commit("user_agent", event.user_agent.as_deref()),
        commit("user_email", Some(&event.user_email)),
    ]
}

/// What a member of the canonical form can be.
#[derive(Clone, Copy)]
enum Scalar<'a> {
    Text(&'a str),
    Optional(Option<&'a str>),
    Texts(&'a [String]),
    Number(i64),
}

impl Scalar<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_json(&text, out),
            Self::Optional(text) => write_json(&text, out),
            Self::Texts(texts) => write_json(&texts, out),
            Self::Number(number) => write_json(&number, out),
        }
    }
}

/// Scalars and lists of them as RFC 8785 wants them: `serde_json` escapes as shortly as it asks for.
fn write_json(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("texts and whole numbers are always JSON");
}

/// RFC 8785 text of a JSON value without fractional numbers: keys in UTF-16 order, no spaces, the shortest
/// escapes.
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::with_capacity(512);
    write_canonical(value, &mut out);
    text_of(out)
}

fn text_of(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is UTF-8")
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            out.push(b'{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_json(key, out);
                out.push(b':');
                write_canonical(item, out);
            }
            out.push(b'}');
        }
        scalar => write_json(scalar, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Changes, Resource, Status};
    use super::*;
    use crate::clock::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    fn event() -> AuditEvent {
        AuditEvent {
            id: "audit_1".into(),
            timestamp: Timestamp::from_unix_seconds(1_700_000_000),
            org_id: "org_1".into(),
            user_id: "person_1".into(),
            user_email: "ann@example.com".into(),
            user_roles: vec!["admin".into()],
            action: Action::EventCreate,
            resource: Resource::new("event", "event_1").named("Cleanup"),
            changes: Some(Changes::created(json!({"title": "Cleanup"}))),
            ip_address: Some("192.0.2.7".into()),
            user_agent: None,
            request_id: Some("r1".into()),
            status: Status::Success,
            error_message: None,
        }
    }

    #[test]
    fn the_bytes_are_fixed_for_ever() {
        let sealed = SealedEvent::with_salt(event(), [7; 16]);
        let text = String::from_utf8(sealed.canonical).expect("UTF-8");
        assert!(text.starts_with(r#"{"action":"event.create","commitments":{"changes":""#), "{text}");
        assert!(
            !text.contains("ann@example.com") && !text.contains("192.0.2.7") && !text.contains("Cleanup")
        );
        assert_eq!(lower(&sealed.leaf_hash), include_str!("canonical_v1_leaf.hex").trim());
    }

    /// The members as a JSON value, put in order by the general writer.
    #[test]
    fn the_form_is_canonical_json() {
        let full = AuditEvent {
            user_agent: Some("a\"\\\u{1f}é\u{2028}".into()),
            error_message: Some(String::new()),
            user_roles: vec![],
            request_id: None,
            ..event()
        };
        for event in [event(), full] {
            let sealed = SealedEvent::with_salt(event.clone(), [7; 16]);
            let changes = sealed.changes.as_deref();
            let commitments: serde_json::Map<String, Value> = commitments(&event, changes, &[7; 16])
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            assert_eq!(commitments.len(), 6);
            let form = json!({
                "v": 1, "id": event.id, "timestamp": event.timestamp.micros(), "org_id": event.org_id,
                "user_id": event.user_id, "user_roles": event.user_roles, "action": event.action.as_str(),
                "resource_type": event.resource.kind, "resource_id": event.resource.id,
                "request_id": event.request_id, "status": event.status.as_str(), "commitments": commitments,
            });
            assert_eq!(sealed.canonical, canonical_json(&form).into_bytes());
        }
    }

    #[test]
    fn every_field_is_bound_by_the_leaf() {
        let base = SealedEvent::with_salt(event(), [7; 16]).leaf_hash;
        let alter: [fn(&mut AuditEvent); 14] = [
            |e| e.id.push('x'),
            |e| e.timestamp = Timestamp::from_micros(e.timestamp.micros() + 1),
            |e| e.org_id.push('x'),
            |e| e.user_id.push('x'),
            |e| e.user_email.push('x'),
            |e| e.user_roles.clear(),
            |e| e.action = Action::EventUpdate,
            |e| e.resource.id.push('x'),
            |e| e.resource.name = None,
            |e| e.changes = None,
            |e| e.ip_address = None,
            |e| e.user_agent = Some(String::new()),
            |e| e.status = Status::Failure,
            |e| e.error_message = Some("x".into()),
        ];
        for (i, change) in alter.iter().enumerate() {
            let mut e = event();
            change(&mut e);
            assert_ne!(SealedEvent::with_salt(e, [7; 16]).leaf_hash, base, "alteration {i}");
        }
    }

    #[test]
    fn keys_sort_by_utf16_and_escapes_are_short() {
        let value = json!({"\u{10000}": 1, "\u{ffff}": 2, "a\n": "\u{1}\"/"});
        assert_eq!(canonical_json(&value), "{\"a\\n\":\"\\u0001\\\"/\",\"\u{10000}\":1,\"\u{ffff}\":2}");
    }

    proptest! {
        #[test]
        fn parsing_and_writing_again_gives_the_same_bytes(keys in proptest::collection::vec(".{0,8}", 0..6), n in any::<i64>()) {
            let map: serde_json::Map<String, Value> = keys.iter().map(|k| (k.clone(), json!([n, k, null]))).collect();
            let once = canonical_json(&Value::Object(map));
            let again = canonical_json(&serde_json::from_str::<Value>(&once).expect("canonical text is JSON"));
            prop_assert_eq!(once, again);
        }
    }
}
