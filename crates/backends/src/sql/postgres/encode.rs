//! Encoding by the server's parameter type, before anything is sent: an error in the middle of a pipeline
//! would skip one statement and still commit the rest.

use std::error::Error;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type};

use crate::sql::cell::{POSTGRES_EPOCH_MICROS, is_text};
use crate::sql::error::SqlError;
use crate::sql::value::Value;

/// A parameter in its final octets; `None` is NULL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded(Option<Vec<u8>>);

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            None => IsNull::Yes,
            Some(octets) => {
                out.extend_from_slice(octets);
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres_types::to_sql_checked!();
}

/// All parameters of a statement with these types, or the reason why they do not fit.
pub(super) fn encode(types: &[Type], text: &str, params: &[Value]) -> Result<Vec<Encoded>, SqlError> {
    if types.len() != params.len() {
        return Err(SqlError::Bad(format!(
            "{} parameters wanted, {} given: {text}",
            types.len(),
            params.len()
        )));
    }
    let encoded = types.iter().zip(params).enumerate().map(|(at, (ty, value))| {
        encode_one(ty, value).ok_or_else(|| {
            SqlError::Bad(format!("${} is {ty}, a {} does not fit: {text}", at + 1, value.kind()))
        })
    });
    encoded.collect()
}

/// `None` when the value does not fit the type.
fn encode_one(ty: &Type, value: &Value) -> Option<Encoded> {
    let octets = match value {
        Value::Null => return Some(Encoded(None)),
        Value::Bool(truth) if *ty == Type::BOOL => vec![u8::from(*truth)],
        Value::Int(number) => integer(ty, *number)?,
        Value::Text(text) if is_text(ty) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) if *ty == Type::BYTEA => bytes.clone(),
        Value::Time(time) if *ty == Type::TIMESTAMPTZ || *ty == Type::TIMESTAMP => {
            (time.micros() - POSTGRES_EPOCH_MICROS).to_be_bytes().to_vec()
        }
        Value::Json(document) if *ty == Type::JSONB => {
            // The binary form of jsonb is its version, 1, and the text.
            let mut octets = vec![1];
            octets.extend_from_slice(document.to_string().as_bytes());
            octets
        }
        Value::Json(document) if *ty == Type::JSON || is_text(ty) => document.to_string().into_bytes(),
        _ => return None,
    };
    Some(Encoded(Some(octets)))
}

fn integer(ty: &Type, number: i64) -> Option<Vec<u8>> {
    Some(if *ty == Type::INT8 {
        number.to_be_bytes().to_vec()
    } else if *ty == Type::INT4 {
        i32::try_from(number).ok()?.to_be_bytes().to_vec()
    } else if *ty == Type::INT2 {
        i16::try_from(number).ok()?.to_be_bytes().to_vec()
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_range_checked_by_the_servers_type() {
        assert_eq!(encode_one(&Type::INT2, &Value::Int(-2)), Some(Encoded(Some(vec![0xff, 0xfe]))));
        assert_eq!(encode_one(&Type::INT2, &Value::Int(40_000)), None);
        assert_eq!(encode_one(&Type::INT4, &Value::Int(1 << 40)), None);
        assert_eq!(encode_one(&Type::TEXT, &Value::Int(1)), None);
    }

    #[test]
    fn null_fits_everywhere_and_kinds_do_not_mix() {
        assert_eq!(encode_one(&Type::UUID, &Value::Null), Some(Encoded(None)));
        assert_eq!(encode_one(&Type::BOOL, &Value::Text("true".to_owned())), None);
        assert_eq!(encode_one(&Type::TEXT, &Value::Bytes(vec![1])), None);
    }
}
