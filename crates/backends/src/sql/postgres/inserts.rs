//! A unit that only inserts rows is one statement: a change that creates something is then one message to the server
//! and one answer, where BEGIN, every INSERT and COMMIT are one each.
//!
//! A statement is a transaction by itself (PostgreSQL manual, 7.8.2 "Data-Modifying Statements in WITH"): all of its
//! INSERTs happen or none, and its foreign keys are judged when all rows are there.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sql::unit::Statement;

/// Longer units gain little.
const MOST: usize = 6;

/// Address and length of a text, which lives as long as the program.
type Place = (usize, usize);

/// The texts made so far, by their parts.
#[derive(Debug, Default)]
pub(super) struct Inserts(Mutex<HashMap<Vec<Place>, Arc<str>>>);

impl Inserts {
    /// The one text for all of these statements, if each is an unguarded INSERT of a row.
    pub(super) fn as_one(&self, statements: &[Statement]) -> Option<Arc<str>> {
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
        Some(Arc::clone(known.entry(parts).or_insert_with(|| written(statements))))
    }
}

/// Whether it inserts exactly one row or fails, and depends on no other row but by its constraints.
fn inserts_a_row(text: &str) -> bool {
    let values = text.strip_prefix("INSERT INTO ").and_then(|rest| rest.split_once(") VALUES ("));
    values.is_some_and(|(_, values)| {
        !["SELECT", "CONFLICT", "RETURNING"].iter().any(|word| values.contains(word))
    })
}

fn written(statements: &[Statement]) -> Arc<str> {
    let mut text = String::new();
    let mut before = 0;
    for (place, statement) in statements.iter().enumerate() {
        let numbered = renumbered(statement.sql.for_postgres(), before);
        before += statement.params.len();
        match (place + 1 == statements.len(), place) {
            (true, _) => text.push_str(&numbered),
            (false, 0) => write!(text, "WITH part_0 AS ({numbered})").expect("memory takes every write"),
            (false, _) => {
                write!(text, ", part_{place} AS ({numbered})").expect("memory takes every write");
            }
        }
        if place + 2 == statements.len() {
            text.push(' ');
        }
    }
    text.into()
}

/// The text with `before` added to the number of every parameter.
fn renumbered(text: &str, before: usize) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number = number.parse().map_or(0, |number: usize| number + before);
        write!(out, "${number}{rest}").expect("memory takes every write");
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
        let one = inserts.as_one(&[statement(A, 2, None)]);
        assert_eq!(one.as_deref(), Some(A));
        let all = [statement(A, 2, None), statement(B, 3, None), statement(C, 1, None)];
        let text = inserts.as_one(&all).expect("all insert");
        assert_eq!(
            &*text,
            "WITH part_0 AS (INSERT INTO a (x, y) VALUES ($1, $2)), \
             part_1 AS (INSERT INTO b (x, y, z) VALUES ($4, $3, coalesce($5, 0))) INSERT INTO c (x) VALUES ($6)"
        );
        assert!(Arc::ptr_eq(&text, &inserts.as_one(&all).expect("known")), "it is made once");
    }

    #[test]
    fn all_else_is_left_as_it_is() {
        let inserts = Inserts::default();
        for other in [
            "UPDATE a SET x = $1",
            "DELETE FROM a WHERE x = $1",
            "INSERT INTO a (x) SELECT x FROM b WHERE y = $1",
            "INSERT INTO a (x) VALUES ($1) ON CONFLICT DO NOTHING",
            "INSERT INTO a (x) VALUES ((SELECT max(x) FROM b WHERE y = $1))",
        ] {
            assert_eq!(inserts.as_one(&[statement(A, 2, None), statement(other, 1, None)]), None, "{other}");
        }
        assert_eq!(inserts.as_one(&[statement(A, 2, Some("tag"))]), None);
        assert_eq!(inserts.as_one(&[]), None);
        let many: Vec<_> = (0..=MOST).map(|_| statement(A, 2, None)).collect();
        assert_eq!(inserts.as_one(&many), None);
    }
}
