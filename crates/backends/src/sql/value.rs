//! [`Value`]: what can be bound to a `$n` of a statement, on both engines alike.
//!
//! | value | SQLite | PostgreSQL, by the server's parameter type |
//! |---|---|---|
//! | `Bool` | `0`/`1` | `bool` |
//! | `Int` | integer | `int2`, `int4`, `int8`, range-checked |
//! | `Text` | text | `text`, `varchar`, `bpchar`, `name`, enums |
//! | `Bytes` | blob | `bytea` |
//! | `Time` | fixed-width UTC text, microseconds | `timestamptz`, or `timestamp` read as UTC |
//! | `Json` | text | `jsonb`, `json`, or text |
//!
//! NUL characters are refused: PostgreSQL cannot store them, SQLite could, and the two must not differ.

use hardening::clock::Timestamp;
use serde::Serialize;

use super::error::SqlError;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL, of whatever type the place wants.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text without NUL characters.
    Text(String),
    /// Octets.
    Bytes(Vec<u8>),
    /// A moment, to the microsecond.
    Time(Timestamp),
    /// The text of a JSON document without NUL characters; made by [`Value::json`].
    Json(String),
}

impl Value {
    /// A JSON document.
    pub fn json(document: &impl Serialize) -> Self {
        Self::Json(json_text(document))
    }

    /// Refuses what one of the engines could not store.
    pub(super) fn check(&self) -> Result<(), SqlError> {
        let has_nul = match self {
            Self::Text(text) => text.contains('\0'),
            // Where a NUL is written like this, perhaps; parsing tells.
            Self::Json(text) if text.contains("\\u0000") => {
                serde_json::from_str(text).is_ok_and(|document| json_has_nul(&document))
            }
            _ => false,
        };
        if has_nul { Err(SqlError::Bad("a NUL character cannot be stored".to_owned())) } else { Ok(()) }
    }

    /// The kind, for messages that must not show the content.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "time",
            Self::Json(_) => "json",
        }
    }
}

fn json_text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("what is stored has names for keys")
}

fn json_has_nul(document: &serde_json::Value) -> bool {
    match document {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(json_has_nul),
        serde_json::Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || json_has_nul(value))
        }
        _ => false,
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        Self::json(&value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_refused_wherever_it_hides() {
        for value in [
            Value::from("a\0b"),
            Value::from(serde_json::json!({"a": ["x", {"b": "\0"}]})),
            Value::from(serde_json::json!({"\0": 1})),
        ] {
            assert!(matches!(value.check(), Err(SqlError::Bad(_))), "{value:?}");
        }
        assert_eq!(Value::from(vec![0_u8]).check(), Ok(()));
        assert_eq!(Value::from("plain").check(), Ok(()));
        assert_eq!(Value::from(serde_json::json!({"a": "a backslash and u0000: \\u0000"})).check(), Ok(()));
    }

    #[test]
    fn an_option_is_its_content_or_null() {
        assert_eq!(Value::from(None::<&str>), Value::Null);
        assert_eq!(Value::from(Some(7_i64)), Value::Int(7));
    }
}
