//! Canonical bytes of an event: what is hashed, signed and proved. Format 1.
//!
//! * RFC 8785 (JSON Canonicalization Scheme) over ASCII keys, strings, integers, arrays and null; no
//!   fractional numbers occur, so number formatting cannot differ.
//! * Personal fields appear as commitments `HMAC-SHA-256(salt, name ‖ 0x00 ‖ value)`, 16 random bytes of
//!   salt a row: whoever erases value and salt keeps the leaf and its proof.
//! * Leaf hash: `SHA-256(0x00 ‖ canonical)` (RFC 6962, 2.1).

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::AuditEvent;
use crate::entropy::{Entropy, random_bytes};

/// Written into every canonical form; a verifier that meets a higher one must say "cannot verify".
pub const CANONICAL_VERSION: i64 = 1;

/// An event together with its salt, canonical bytes and leaf hash.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedEvent {
    /// The event.
    pub event: AuditEvent,
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
        let canonical = canonical_bytes(&event, &salt);
        let leaf_hash = Sha256::new().chain_update([0]).chain_update(&canonical).finalize().into();
        Self { event, salt, canonical, leaf_hash }
    }
}

fn canonical_bytes(event: &AuditEvent, salt: &[u8; 16]) -> Vec<u8> {
    let commit = |name: &str, value: Option<&str>| value.map(|text| commitment(salt, name, text));
    let changes = event.changes.as_ref().map(|c| canonical_json(&c.to_json()));
    let form = json!({
        "v": CANONICAL_VERSION,
        "id": event.id,
        "timestamp": event.timestamp.micros(),
        "org_id": event.org_id,
        "user_id": event.user_id,
        "user_roles": event.user_roles,
        "action": event.action.as_str(),
        "resource_type": event.resource.kind,
        "resource_id": event.resource.id,
        "request_id": event.request_id,
        "status": event.status.as_str(),
        "commitments": {
            "user_email": commit("user_email", Some(&event.user_email)),
            "resource_name": commit("resource_name", event.resource.name.as_deref()),
            "changes": commit("changes", changes.as_deref()),
            "ip_address": commit("ip_address", event.ip_address.as_deref()),
            "user_agent": commit("user_agent", event.user_agent.as_deref()),
            "error_message": commit("error_message", event.error_message.as_deref()),
        },
    });
    canonical_json(&form).into_bytes()
}

fn commitment(salt: &[u8; 16], name: &str, value: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    mac.update(name.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    lower_hex(&mac.finalize().into_bytes())
}

fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// RFC 8785 text of a JSON value without fractional numbers: keys in UTF-16 order, no spaces, the shortest
/// escapes.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::with_capacity(512);
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(&Value::String(key.clone()), out);
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        // serde_json's escapes are the short ones RFC 8785 asks for.
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Changes, Resource, Status};
    use super::*;
    use crate::clock::Timestamp;
    use proptest::prelude::*;

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
        assert_eq!(lower_hex(&sealed.leaf_hash), include_str!("canonical_v1_leaf.hex").trim());
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
