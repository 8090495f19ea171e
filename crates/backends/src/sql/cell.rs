//! How one stored value of either engine becomes a Rust value. `None` means: not of that type.

use std::error::Error;

use hardening::clock::Timestamp;
use postgres_types::{FromSql, Kind, Type};
use rusqlite::types::Value as Stored;

/// Microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
pub(super) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// One value, still in the engine's form.
pub(super) enum Cell<'a> {
    Null,
    Sqlite(&'a Stored),
    Postgres(&'a Type, &'a [u8]),
}

/// The octets PostgreSQL sent, untouched.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Whether the type's binary form is plain text.
pub(super) fn is_text(ty: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN].contains(ty)
        || matches!(ty.kind(), Kind::Enum(_))
}

/// `2025-10-23 14:00:00[.123456]`, as SQLAlchemy and SQLite's own functions write UTC.
fn zoneless(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once([' ', 'T'])?;
    Timestamp::parse_rfc3339(&format!("{date}T{time}Z")).ok()
}

impl<'a> Cell<'a> {
    pub(super) const fn of_sqlite(value: &'a Stored) -> Self {
        match value {
            Stored::Null => Self::Null,
            value => Self::Sqlite(value),
        }
    }

    pub(super) const fn of_postgres(ty: &'a Type, raw: Raw<'a>) -> Self {
        match raw.0 {
            None => Self::Null,
            Some(bytes) => Self::Postgres(ty, bytes),
        }
    }

    fn str(&self) -> Option<&'a str> {
        match self {
            Self::Sqlite(Stored::Text(text)) => Some(text),
            Self::Postgres(ty, raw) if is_text(ty) => std::str::from_utf8(raw).ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        self.str().map(str::to_owned)
    }

    pub(super) fn int(&self) -> Option<i64> {
        match *self {
            Self::Sqlite(Stored::Integer(number)) => Some(*number),
            Self::Postgres(ty, raw) if *ty == Type::INT8 => Some(i64::from_be_bytes(raw.try_into().ok()?)),
            Self::Postgres(ty, raw) if *ty == Type::INT4 => {
                Some(i64::from(i32::from_be_bytes(raw.try_into().ok()?)))
            }
            Self::Postgres(ty, raw) if *ty == Type::INT2 => {
                Some(i64::from(i16::from_be_bytes(raw.try_into().ok()?)))
            }
            _ => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match *self {
            Self::Sqlite(Stored::Integer(0)) => Some(false),
            Self::Sqlite(Stored::Integer(1)) => Some(true),
            Self::Postgres(ty, [byte]) if *ty == Type::BOOL => Some(*byte != 0),
            _ => None,
        }
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        match *self {
            Self::Sqlite(Stored::Text(text)) => {
                Timestamp::parse_rfc3339(text).ok().or_else(|| zoneless(text))
            }
            Self::Postgres(ty, raw) if *ty == Type::TIMESTAMPTZ || *ty == Type::TIMESTAMP => {
                let micros = i64::from_be_bytes(raw.try_into().ok()?);
                Some(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
            }
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match *self {
            Self::Sqlite(Stored::Blob(bytes)) => Some(bytes.clone()),
            Self::Postgres(ty, raw) if *ty == Type::BYTEA => Some(raw.to_vec()),
            _ => None,
        }
    }

    pub(super) fn json(&self) -> Option<serde_json::Value> {
        match *self {
            Self::Postgres(ty, raw) if *ty == Type::JSON => serde_json::from_slice(raw).ok(),
            // A version octet, always 1, goes before the text.
            Self::Postgres(ty, [1, raw @ ..]) if *ty == Type::JSONB => serde_json::from_slice(raw).ok(),
            _ => serde_json::from_str(self.str()?).ok(),
        }
    }
}
