//! Binding by number, running and reading: what writer and readers have in common.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{Connection, Statement, ToSql};

use super::failure::Failure;
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::unit;
use crate::sql::value::Value;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Bool(truth) => ToSqlOutput::Owned(Stored::Integer(i64::from(*truth))),
            Self::Int(number) => ToSqlOutput::Owned(Stored::Integer(*number)),
            Self::Text(text) | Self::Json(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Time(time) => ToSqlOutput::Owned(Stored::Text(time.to_text())),
        })
    }
}

thread_local! {
    /// The numbers of each text's parameters, in the order of SQLite's own, and how many there are; by address and
    /// length of the text, which lives as long as the program.
    static NUMBERS: RefCell<HashMap<(usize, usize), Rc<Numbers>>> = RefCell::default();
}

struct Numbers {
    in_order: Vec<usize>,
    highest: usize,
}

/// Reads the numbers in the parameters' names, because SQLite numbers `$2, $1` in order of appearance and takes `$1`
/// and `$1::text` for two parameters.
fn numbers(statement: &Statement<'_>, text: &'static str) -> Result<Rc<Numbers>, SqlError> {
    let place = (text.as_ptr().addr(), text.len());
    if let Some(known) = NUMBERS.with_borrow(|all| all.get(&place).cloned()) {
        return Ok(known);
    }
    let number = |index| {
        let number = statement.parameter_name(index).and_then(number_in).filter(|number| *number > 0);
        number.ok_or_else(|| SqlError::Bad(format!("parameter {index} is not of the form $n: {text}")))
    };
    let in_order = (1..=statement.parameter_count()).map(number).collect::<Result<Vec<_>, _>>()?;
    let highest = in_order.iter().copied().max().unwrap_or(0);
    if let Some(unused) = (1..=highest).find(|number| !in_order.contains(number)) {
        return Err(SqlError::Bad(format!("${unused} is not used: {text}")));
    }
    let numbers = Rc::new(Numbers { in_order, highest });
    NUMBERS.with_borrow_mut(|all| all.insert(place, Rc::clone(&numbers)));
    Ok(numbers)
}

fn bind(statement: &mut Statement<'_>, text: &'static str, params: &[Value]) -> Result<(), SqlError> {
    let numbers = numbers(statement, text)?;
    match params.len().cmp(&numbers.highest) {
        Ordering::Less => {
            let (missing, given) = (numbers.highest, params.len());
            return Err(SqlError::Bad(format!("${missing} is missing, {given} given: {text}")));
        }
        Ordering::Greater => {
            return Err(SqlError::Bad(format!("${} is not used: {text}", numbers.highest + 1)));
        }
        Ordering::Equal => {}
    }
    for (index, number) in numbers.in_order.iter().enumerate() {
        let bound = statement.raw_bind_parameter(index + 1, &params[number - 1]);
        bound.map_err(|error| Failure::of(&error).error)?;
    }
    Ok(())
}

fn number_in(name: &str) -> Option<usize> {
    let rest = name.strip_prefix('$')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Runs one statement of a unit and returns the rows it hit.
pub(super) fn run(connection: &Connection, statement: &unit::Statement) -> Result<u64, Failure> {
    let text = statement.sql.for_sqlite();
    let mut prepared = connection.prepare_cached(text).map_err(|error| Failure::of(&error))?;
    bind(&mut prepared, text, &statement.params).map_err(Failure::unit)?;
    // `changes()` keeps the count of the last statement that changed something.
    let reads_only = prepared.readonly();
    let mut rows = prepared.raw_query();
    while rows.next().map_err(|error| Failure::of(&error))?.is_some() {}
    drop(rows);
    drop(prepared);
    let hit = if reads_only { 0 } else { connection.changes() };
    match statement.guard {
        Some(tag) if hit != 1 => Err(Failure::unit(SqlError::Conflict(tag))),
        _ => Ok(hit),
    }
}

/// Runs a query and hands out its rows until `each` says stop (`false`).
pub(super) fn read(
    connection: &Connection,
    text: &'static str,
    params: &[Value],
    mut each: impl FnMut(Row) -> bool,
) -> Result<(), SqlError> {
    let failed = |error: rusqlite::Error| Failure::of(&error).error;
    let mut prepared = connection.prepare_cached(text).map_err(failed)?;
    if !prepared.readonly() {
        return Err(SqlError::Bad(format!("a query must not change anything: {text}")));
    }
    bind(&mut prepared, text, params)?;
    let columns: Arc<[Box<str>]> = prepared.column_names().map(Box::from).collect();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let values = (0..columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>().map_err(failed)?;
        if !each(Row::from_sqlite(Arc::clone(&columns), values)) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::number_in;

    #[test]
    fn the_number_is_what_follows_the_dollar() {
        assert_eq!(number_in("$12"), Some(12));
        assert_eq!(number_in("$1::text"), Some(1));
        assert_eq!(number_in("$name"), None);
        assert_eq!(number_in("?1"), None);
    }
}
