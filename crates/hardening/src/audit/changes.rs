//! What an event changed: `{"field":{"old":…,"new":…}}`.

use serde_json::{Map, Value, json};

/// What stands in a trail instead of a password, hash, secret, code or token.
pub const REDACTED: &str = "[REDACTED]";
/// What stands in a row instead of a person's data that was erased afterwards.
pub const ERASED: &str = "[ERASED]";

/// The changed fields of one event. A creation is `{"created":{"old":null,"new":{…}}}`, a deletion
/// `{"deleted":{"old":{…},"new":null}}`.
///
/// Values of fields whose name speaks of a secret are masked at any depth; that is the second line of
/// defence, the first being that a [`crate::secret::Secret`] cannot be turned into JSON at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes(Value);

impl Default for Changes {
    fn default() -> Self {
        Self(Value::Object(Map::new()))
    }
}

impl Changes {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A creation with the new resource's fields.
    pub fn created(new: Value) -> Self {
        Self::new().set("created", Value::Null, new)
    }

    /// A deletion with what the resource held.
    pub fn deleted(old: Value) -> Self {
        Self::new().set("deleted", old, Value::Null)
    }

    /// One field, old and new.
    #[must_use]
    pub fn field(self, name: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        self.set(name, old.into(), new.into())
    }

    /// One field if it really changed.
    #[must_use]
    pub fn field_if_changed(self, name: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        if old == new { self } else { self.set(name, old, new) }
    }

    /// A field whose values must not appear: only that it changed.
    #[must_use]
    pub fn redacted(self, name: &str) -> Self {
        self.set(name, REDACTED.into(), REDACTED.into())
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.as_object().is_none_or(Map::is_empty)
    }

    /// As stored: an object.
    pub const fn as_json(&self) -> &Value {
        &self.0
    }

    fn set(mut self, name: &str, mut old: Value, mut new: Value) -> Self {
        if speaks_of_a_secret(name) {
            (old, new) = (mask(old), mask(new));
        }
        clean(&mut old);
        clean(&mut new);
        self.0[name] = json!({ "old": old, "new": new });
        self
    }
}

fn mask(value: Value) -> Value {
    if value.is_null() { value } else { REDACTED.into() }
}

fn speaks_of_a_secret(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["password", "secret", "token", "hash", "recovery_code", "totp", "signing_key", "encryption_key"];
    let name = name.as_bytes();
    let is_in_name = |word: &[u8]| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    name.eq_ignore_ascii_case(b"code") || WORDS.iter().any(|word| is_in_name(word.as_bytes()))
}

/// Masks secrets at any depth, and writes fractional numbers as text: their JSON form differs between
/// writers, and canonical bytes must not.
fn clean(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if speaks_of_a_secret(name) {
                    *inner = mask(inner.take());
                } else {
                    clean(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Number(n) if n.as_i64().is_none() && n.as_u64().is_none() => *value = n.to_string().into(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_at_any_depth() {
        let changes =
            Changes::created(json!({"name": "Ann", "a": [{"reset_token": "x"}], "password_hash": "y"}));
        let text = changes.as_json().to_string();
        assert!(text.contains("Ann") && !text.contains("\"x\"") && !text.contains("\"y\""), "{text}");
    }

    #[test]
    fn a_field_shows_old_and_new() {
        let changes = Changes::new().field("title", "a", "b").field_if_changed("x", 1, 1);
        assert_eq!(changes.as_json(), &json!({"title": {"old": "a", "new": "b"}}));
    }

    #[test]
    fn fractions_become_text() {
        assert_eq!(Changes::new().field("n", 1.5, 2).as_json(), &json!({"n": {"old": "1.5", "new": 2}}));
    }
}
