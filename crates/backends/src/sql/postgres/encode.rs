//! Encoding by the server's parameter type, before anything is sent: an error in the middle of a pipeline
//! would skip one statement and still commit the rest.

use std::borrow::Borrow;
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
pub(super) fn encode<V: Borrow<Value>>(
    types: &[Type],
    text: &str,
    params: &[V],
) -> Result<Vec<Encoded>, SqlError> {
    fits(types, text, params)?;
    let encoded = types.iter().zip(params).enumerate().map(|(at, (ty, value))| {
        let value = value.borrow();
        let mut octets = Vec::new();
        match encode_one(ty, value, &mut octets) {
            Some(IsNull::Yes) => Ok(Encoded(None)),
            Some(IsNull::No) => Ok(Encoded(Some(octets))),
            None => Err(misfit(ty, text, at, value)),
        }
    });
    encoded.collect()
}

/// The parameters of several rows as one array for each column, in their binary form: dimensions, whether there are
/// NULLs, element type, length and lowest index, then each element with its length.
pub(super) fn encode_columns<'a>(
    types: &[Type],
    text: &str,
    rows: impl ExactSizeIterator<Item = Vec<&'a Value>>,
) -> Result<Vec<Encoded>, SqlError> {
    let count = i32::try_from(rows.len()).unwrap_or(i32::MAX).to_be_bytes();
    let begun = |ty: &Type| {
        let mut array = Vec::with_capacity(64 * rows.len());
        for word in
            [1_i32.to_be_bytes(), 1_i32.to_be_bytes(), ty.oid().to_be_bytes(), count, 1_i32.to_be_bytes()]
        {
            array.extend_from_slice(&word);
        }
        array
    };
    let mut arrays: Vec<_> = types.iter().map(begun).collect();
    for row in rows {
        fits(types, text, &row)?;
        for (at, ((ty, value), array)) in types.iter().zip(row).zip(&mut arrays).enumerate() {
            element(ty, value, array).ok_or_else(|| misfit(ty, text, at, value))?;
        }
    }
    Ok(arrays.into_iter().map(|array| Encoded(Some(array))).collect())
}

/// One element of an array.
fn element(ty: &Type, value: &Value, array: &mut Vec<u8>) -> Option<()> {
    let start = array.len();
    array.extend_from_slice(&(-1_i32).to_be_bytes());
    if let IsNull::No = encode_one(ty, value, array)? {
        let length = i32::try_from(array.len() - start - 4).ok()?;
        array[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    Some(())
}

fn fits<T>(types: &[Type], text: &str, params: &[T]) -> Result<(), SqlError> {
    if types.len() == params.len() {
        return Ok(());
    }
    Err(SqlError::Bad(format!("{} parameters wanted, {} given: {text}", types.len(), params.len())))
}

fn misfit(ty: &Type, text: &str, at: usize, value: &Value) -> SqlError {
    SqlError::Bad(format!("${} is {ty}, a {} does not fit: {text}", at + 1, value.kind()))
}

/// Appends the value's octets. `None` when it does not fit the type.
fn encode_one(ty: &Type, value: &Value, out: &mut Vec<u8>) -> Option<IsNull> {
    match value {
        Value::Null => return Some(IsNull::Yes),
        Value::Bool(truth) if *ty == Type::BOOL => out.push(u8::from(*truth)),
        Value::Int(number) => integer(ty, *number, out)?,
        Value::Text(text) if is_text(ty) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) if *ty == Type::BYTEA => out.extend_from_slice(bytes),
        Value::Time(time) if *ty == Type::TIMESTAMPTZ || *ty == Type::TIMESTAMP => {
            out.extend_from_slice(&(time.micros() - POSTGRES_EPOCH_MICROS).to_be_bytes());
        }
        Value::Json(document) if *ty == Type::JSONB => {
            // The binary form of jsonb is its version, 1, and the text.
            out.push(1);
            out.extend_from_slice(document.as_bytes());
        }
        Value::Json(document) if *ty == Type::JSON || is_text(ty) => {
            out.extend_from_slice(document.as_bytes());
        }
        _ => return None,
    }
    Some(IsNull::No)
}

fn integer(ty: &Type, number: i64, out: &mut Vec<u8>) -> Option<()> {
    if *ty == Type::INT8 {
        out.extend_from_slice(&number.to_be_bytes());
    } else if *ty == Type::INT4 {
        out.extend_from_slice(&i32::try_from(number).ok()?.to_be_bytes());
    } else if *ty == Type::INT2 {
        out.extend_from_slice(&i16::try_from(number).ok()?.to_be_bytes());
    } else {
        return None;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(ty: &Type, value: impl Into<Value>) -> Option<Encoded> {
        encode(std::slice::from_ref(ty), "", &[value.into()]).ok().and_then(|mut all| all.pop())
    }

    #[test]
    fn numbers_are_range_checked_by_the_servers_type() {
        assert_eq!(encoded(&Type::INT2, -2), Some(Encoded(Some(vec![0xff, 0xfe]))));
        assert_eq!(encoded(&Type::INT2, 40_000), None);
        assert_eq!(encoded(&Type::INT4, 1_i64 << 40), None);
        assert_eq!(encoded(&Type::TEXT, 1), None);
    }

    #[test]
    fn null_fits_everywhere_and_kinds_do_not_mix() {
        assert_eq!(encoded(&Type::UUID, Value::Null), Some(Encoded(None)));
        assert_eq!(encoded(&Type::BOOL, "true"), None);
        assert_eq!(encoded(&Type::TEXT, vec![1_u8]), None);
    }

    #[test]
    fn columns_are_arrays_as_the_driver_itself_writes_them() {
        let rows = [(Some("a"), Some(1)), (Some(""), None), (None, Some(-1))];
        let rows = rows.map(|(text, number)| [Value::from(text), number.into()]);
        let columns =
            encode_columns(&[Type::TEXT, Type::INT4], "", rows.iter().map(|row| row.iter().collect()));
        let by_driver = |ty: &Type, column: &dyn ToSql| {
            let mut out = BytesMut::new();
            column.to_sql_checked(ty, &mut out).expect("it fits");
            Encoded(Some(out.to_vec()))
        };
        let wanted = [
            by_driver(&Type::TEXT_ARRAY, &vec![Some("a"), Some(""), None]),
            by_driver(&Type::INT4_ARRAY, &vec![Some(1), None, Some(-1)]),
        ];
        assert_eq!(columns.as_deref(), Ok(&wanted[..]));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let row = [Value::from(1)];
        for types in [&[Type::TEXT][..], &[Type::INT4, Type::INT4]] {
            let rows = [row.iter().collect()].into_iter();
            assert!(matches!(encode_columns(types, "", rows), Err(SqlError::Bad(_))));
        }
    }
}
