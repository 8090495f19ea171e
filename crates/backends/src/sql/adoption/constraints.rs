//! Constraints of theirs on tables we share: may every row we store stand in them? Asked with rows that nobody stores, so
//! that the answer changes nothing.

use std::collections::BTreeSet;

use super::present::Present;
use super::records::{Kind, Record};
use super::samples::{Sample, samples};
use crate::sql::database::Engine;

/// Columns that our tables and statements point at.
const KEYS: [(&str, &str); 4] =
    [("organizations", "id"), ("people", "id"), ("user_security_settings", "user_id"), ("audit_logs", "id")];

/// A `CHECK` of theirs.
#[derive(Clone, Debug)]
pub(super) struct Check {
    table: String,
    /// Empty where the database does not tell.
    name: String,
    condition: String,
}

impl Check {
    /// From a condition with its name, or without one from the text of a whole table.
    pub(super) fn of(table: &str, name: &str, body: &str) -> Vec<Self> {
        let conditions = if name.is_empty() { conditions(body) } else { vec![body.to_owned()] };
        let check = |condition| Self { table: table.to_owned(), name: name.to_owned(), condition };
        conditions.into_iter().map(check).collect()
    }

    /// `row` gives every column of the table a value; `named` says those that the condition reads.
    fn question(&self, row: &str, named: &str) -> Question {
        let Self { table, name, condition } = self;
        let text =
            format!("SELECT 'refused' AS answer FROM (SELECT {row}) AS {table} WHERE ({condition}) IS FALSE");
        let name = if name.is_empty() { String::new() } else { format!("{name} ") };
        let condition = condition.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = format!(
            "{table}: the constraint {name}CHECK ({condition}) refuses a row we must store, with {named}: allow that, \
             or drop the constraint"
        );
        Question { text: Box::leak(text.into_boxed_str()), sentence }
    }
}

/// Asked of the database: any row in the answer means that the sentence is true.
pub(super) struct Question {
    /// Lives as long as the process, as every text does; there are few, and only where a database is adopted.
    pub(super) text: &'static str,
    pub(super) sentence: String,
}

/// One question for each constraint and each kind of row.
pub(super) fn questions(engine: Engine, present: &Present, decided: &[Record]) -> Vec<Question> {
    let mut all = Vec::new();
    for check in &present.checks {
        let Some(columns) = present.tables.get(&check.table) else { continue };
        let words = words(&check.condition);
        let mut asked = BTreeSet::new();
        for sample in samples(&check.table) {
            let row: Vec<(&str, &str)> = columns
                .keys()
                .map(|column| (column.as_str(), value(&check.table, column, &sample, decided)))
                .collect();
            let named = row.iter().filter(|(column, _)| words.contains(*column));
            let named: Vec<String> = named.map(|(column, value)| format!("{column} = {value}")).collect();
            let named = named.join(" and ");
            // Rows that differ in other columns give the same answer.
            if asked.insert(named.clone()) {
                let typed = row.iter().map(|(column, value)| match (engine, columns.get(*column)) {
                    (Engine::Postgres, Some(theirs)) => {
                        format!("CAST({value} AS {}) AS \"{column}\"", theirs.kind)
                    }
                    _ => format!("{value} AS \"{column}\""),
                });
                all.push(check.question(&typed.collect::<Vec<_>>().join(", "), &named));
            }
        }
    }
    all
}

fn value<'a>(table: &str, column: &str, sample: &'a Sample, decided: &'a [Record]) -> &'a str {
    let given = sample.iter().find(|(name, _)| *name == column).map(|(_, value)| value.as_str());
    let filled = || {
        decided
            .iter()
            .find(|record| record.kind == Kind::Filled && record.table == table && record.name == column)
            .map(|record| record.detail.as_str())
    };
    given.or_else(filled).unwrap_or("NULL")
}

/// Keys and lengths that cannot take what we store.
pub(super) fn problems(present: &Present) -> Vec<String> {
    let mut all = Vec::new();
    for (table, column) in KEYS {
        if present.column(table, column).is_some()
            && !present.keys.contains(&(table.to_owned(), column.to_owned()))
        {
            all.push(format!(
                "{table}.{column} does not tell rows apart alone (the primary key has more columns): add a UNIQUE \
                 constraint over {column}"
            ));
        }
        for (name, theirs) in present.tables.get(table).into_iter().flatten() {
            let longest =
                samples(table).iter().flatten().filter(|(column, _)| column == name).map(length).max();
            if let (Some(longest), Some(most)) = (longest, theirs.max_length)
                && longest > most
            {
                all.push(format!(
                    "{table}.{name} takes {most} characters, and we store {longest}: ALTER TABLE {table} ALTER COLUMN \
                     {name} TYPE varchar"
                ));
            }
        }
    }
    all
}

/// Of what stands between the quotes.
fn length((_, value): &(&str, String)) -> i64 {
    i64::try_from(value.trim_matches('\'').len()).unwrap_or(i64::MAX)
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

/// What stands behind each CHECK of a `CREATE TABLE`, without the parentheses.
fn conditions(table: &str) -> Vec<String> {
    let (mut all, mut rest, mut after_check) = (Vec::new(), table, false);
    while let Some(first) = rest.chars().next() {
        let taken = piece(rest);
        if first == '(' && after_check {
            let end = closing(rest);
            all.push(rest[1..end].to_owned());
            rest = &rest[end..];
            after_check = false;
            continue;
        }
        if !first.is_whitespace() && !rest.starts_with("--") && !rest.starts_with("/*") {
            after_check = rest[..taken].eq_ignore_ascii_case("check");
        }
        rest = &rest[taken..];
    }
    all
}

/// Where the parenthesis ends that `text` starts with.
fn closing(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        match first {
            '(' => depth += 1,
            ')' if depth == 1 => return at,
            ')' => depth -= 1,
            _ => {}
        }
        at += piece(&text[at..]);
    }
    text.len()
}

/// The length of the word, quoted text, comment or sign that `text` starts with.
fn piece(text: &str) -> usize {
    let until =
        |start: usize, end: &str| text[start..].find(end).map_or(text.len(), |at| start + at + end.len());
    match text.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => until(1, quote.encode_utf8(&mut [0; 4])),
        Some('[') => until(1, "]"),
        Some('-') if text.starts_with("--") => until(2, "\n"),
        Some('/') if text.starts_with("/*") => until(2, "*/"),
        Some(first) if first.is_alphanumeric() || first == '_' => {
            text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
        }
        Some(first) => first.len_utf8(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_found_wherever_they_stand_and_nowhere_else() {
        let table = "CREATE TABLE a (\"check\" TEXT DEFAULT 'check (1)', -- CHECK (2)\n x TEXT Check(x IN (')', 'it''s (')), \
                     CONSTRAINT c CHECK /* why ( */ (length(x) > 0), checked TEXT, [check] INTEGER)";
        assert_eq!(conditions(table), ["x IN (')', 'it''s (')", "length(x) > 0"]);
        assert_eq!(conditions("CREATE TABLE a (x CHECK (cut off"), ["cut off"]);
    }
}
