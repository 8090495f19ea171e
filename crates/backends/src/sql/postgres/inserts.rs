//! A unit that only inserts rows is one statement: a change that creates something is then one message to the server
//! and one answer, where BEGIN, every INSERT and COMMIT are one each. Several such units of a kind are one statement as
//! well, with an array for each parameter ([`super::lanes`]).
//!
//! A statement is a transaction by itself (PostgreSQL manual, 7.8.2 "Data-Modifying Statements in WITH"): all of its
//! INSERTs happen or none, and its foreign keys are judged when all rows are there.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_postgres::types::Type;

use crate::sql::unit::Statement;

/// Longer units gain little.
const MOST: usize = 6;

/// Address and length of a text, which lives as long as the program.
type Place = (usize, usize);

/// The kinds of units met so far, by their parts.
#[derive(Debug, Default)]
pub(super) struct Inserts(Mutex<HashMap<Vec<Place>, Arc<Insertion>>>);

/// A kind of unit that only inserts.
#[derive(Debug)]
pub(super) struct Insertion {
    parts: Vec<Part>,
    one: String,
    many: OnceLock<String>,
}

#[derive(Debug)]
struct Part {
    text: &'static str,
    params: usize,
}

impl Inserts {
    /// What kind of unit these statements are, if each is an unguarded INSERT of a row.
    pub(super) fn kind(&self, statements: &[Statement]) -> Option<Arc<Insertion>> {
        if statements.is_empty() || statements.len() > MOST {
            return None;
        }
        let inserts =
            statements.iter().all(|one| one.guard.is_none() && inserts_a_row(one.sql.for_postgres()));
        if !inserts {
            return None;
        }
        let place = |text: &'static str| -> Place { (text.as_ptr().addr(), text.len()) };
        let parts = statements.iter().map(|one| place(one.sql.for_postgres())).collect();
        // Nothing panics half way through a change of it.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(parts).or_insert_with(|| Arc::new(Insertion::of(statements)))))
    }
}

impl Insertion {
    fn of(statements: &[Statement]) -> Self {
        let part = |one: &Statement| Part { text: one.sql.for_postgres(), params: one.params.len() };
        let parts: Vec<_> = statements.iter().map(part).collect();
        let one = joined(&parts, |text, before, _| renumbered(text, before));
        Self { parts, one, many: OnceLock::new() }
    }

    /// The text that stores one unit. Its parameters are those of the statements, in a row.
    pub(super) fn one(&self) -> &str {
        &self.one
    }

    /// The text that stores any number of units. Its parameters are arrays of those of [`Insertion::one`], whose types
    /// are given.
    pub(super) fn many(&self, types: &[Type]) -> &str {
        self.many.get_or_init(|| {
            joined(&self.parts, |text, before, params| {
                from_arrays(text, before, &types[before..before + params])
            })
        })
    }

    /// How many rows a unit inserts.
    pub(super) fn rows(&self) -> usize {
        self.parts.len()
    }
}

/// Whether it inserts exactly one row or fails, and depends on no other row but by its constraints.
fn inserts_a_row(text: &str) -> bool {
    let values = text.strip_prefix("INSERT INTO ").and_then(|rest| rest.split_once(VALUES));
    values.is_some_and(|(_, values)| {
        values.contains('$')
            && values.ends_with(')')
            && !["SELECT", "CONFLICT", "RETURNING"].iter().any(|word| values.contains(word))
    })
}

/// What stands between columns and values.
const VALUES: &str = ") VALUES (";

/// One statement of all parts, each written by `write` from its text, how many parameters come before it, and how many
/// it has.
fn joined(parts: &[Part], write: impl Fn(&str, usize, usize) -> String) -> String {
    let mut text = String::new();
    let mut before = 0;
    for (place, part) in parts.iter().enumerate() {
        let written = write(part.text, before, part.params);
        before += part.params;
        match (place + 1 == parts.len(), place) {
            (true, _) => text.push_str(&written),
            (false, 0) => write!(text, "WITH part_0 AS ({written})").expect("memory takes every write"),
            (false, _) => {
                write!(text, ", part_{place} AS ({written})").expect("memory takes every write");
            }
        }
        if place + 2 == parts.len() {
            text.push(' ');
        }
    }
    text
}

/// The text with `before` added to the number of every parameter.
fn renumbered(text: &str, before: usize) -> String {
    with_parameters(text, |number| format!("${}", number + before))
}

/// The same INSERT of a row for each element of arrays, which are the parameters after the first `before`.
fn from_arrays(text: &str, before: usize, types: &[Type]) -> String {
    let (columns, values) = text.split_once(VALUES).unwrap_or((text, ""));
    let values =
        with_parameters(values.strip_suffix(')').unwrap_or(values), |number| format!("given.p{number}"));
    let array = |(at, ty): (usize, &Type)| {
        let quoted = |name: &str| name.replace('"', "\"\"");
        let (number, schema, name) = (at + 1, quoted(ty.schema()), quoted(ty.name()));
        format!("unnest(${}::\"{schema}\".\"{name}\"[]) AS p{number}", before + number)
    };
    // In the list of a SELECT and not after FROM, where each array would first be stored as a table.
    let arrays: Vec<_> = types.iter().enumerate().map(array).collect();
    format!("{columns}) SELECT {values} FROM (SELECT {}) AS given", arrays.join(", "))
}

/// The text with every parameter written by its number.
fn with_parameters(text: &str, write: impl Fn(usize) -> String) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        out.push_str(&number.parse().map_or_else(|_| "$".to_owned(), &write));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::statement::Sql;

    fn statement(text: &'static str, params: usize, guard: Option<&'static str>) -> Statement {
        Statement { sql: Sql::same(text), params: vec![1_i64.into(); params], guard }
    }

    const A: &str = "INSERT INTO a (x, y) VALUES ($1, $2)";
    const B: &str = "INSERT INTO b (x, y, z) VALUES ($2, $1, coalesce($3, 0))";
    const C: &str = "INSERT INTO c (x) VALUES ($1)";

    #[test]
    fn inserts_become_one_statement_with_parameters_in_a_row() {
        let inserts = Inserts::default();
        let one = inserts.kind(&[statement(A, 2, None)]).expect("it inserts");
        assert_eq!((one.one(), one.rows()), (A, 1));
        let all = [statement(A, 2, None), statement(B, 3, None), statement(C, 1, None)];
        let kind = inserts.kind(&all).expect("all insert");
        assert_eq!(
            kind.one(),
            "WITH part_0 AS (INSERT INTO a (x, y) VALUES ($1, $2)), \
             part_1 AS (INSERT INTO b (x, y, z) VALUES ($4, $3, coalesce($5, 0))) INSERT INTO c (x) VALUES ($6)"
        );
        assert!(Arc::ptr_eq(&kind, &inserts.kind(&all).expect("known")), "it is made once");
    }

    #[test]
    fn many_units_are_one_statement_of_arrays() {
        let kind =
            Inserts::default().kind(&[statement(A, 2, None), statement(B, 3, None)]).expect("all insert");
        let types = [Type::TEXT, Type::INT4, Type::JSON, Type::TEXT, Type::INT8];
        assert_eq!(
            kind.many(&types),
            "WITH part_0 AS (INSERT INTO a (x, y) SELECT given.p1, given.p2 \
             FROM (SELECT unnest($1::\"pg_catalog\".\"text\"[]) AS p1, unnest($2::\"pg_catalog\".\"int4\"[]) AS p2) AS given) \
             INSERT INTO b (x, y, z) SELECT given.p2, given.p1, coalesce(given.p3, 0) \
             FROM (SELECT unnest($3::\"pg_catalog\".\"json\"[]) AS p1, unnest($4::\"pg_catalog\".\"text\"[]) AS p2, \
             unnest($5::\"pg_catalog\".\"int8\"[]) AS p3) AS given"
        );
    }

    #[test]
    fn all_else_is_left_as_it_is() {
        let inserts = Inserts::default();
        for other in [
            "UPDATE a SET x = $1",
            "DELETE FROM a WHERE x = $1",
            "INSERT INTO a (x) SELECT x FROM b WHERE y = $1",
            "INSERT INTO a (x) VALUES ($1) ON CONFLICT DO NOTHING",
            "INSERT INTO a (x) VALUES (0)",
            "INSERT INTO a (x) VALUES ((SELECT max(x) FROM b WHERE y = $1))",
        ] {
            assert!(inserts.kind(&[statement(A, 2, None), statement(other, 1, None)]).is_none(), "{other}");
        }
        assert!(inserts.kind(&[statement(A, 2, Some("tag"))]).is_none());
        assert!(inserts.kind(&[]).is_none());
        let many: Vec<_> = (0..=MOST).map(|_| statement(A, 2, None)).collect();
        assert!(inserts.kind(&many).is_none());
    }
}
