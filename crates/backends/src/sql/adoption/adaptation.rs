//! [`Adaptation`]: the product's texts, as an adopted database wants them.
//!
//! | where | what changes |
//! |---|---|
//! | a name of ours that was taken | it gets its prefix |
//! | `INSERT` into a shared table | columns of theirs that want a value get one |
//! | `updated_at = $n` in a shared table | no value counts as the epoch; SQLAlchemy's text counts as the moment it means |
//! | `timestamp` of a shared `audit_logs` in SQLite, where it is compared or ordered | SQLAlchemy's text, likewise |

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::PREFIX;
use super::records::{Kind, Record};
use crate::sql::database::Engine;

/// After these words stands the name of a table.
const BEFORE_TABLES: [&str; 9] =
    ["from", "join", "into", "update", "table", "on", "references", "exists", "only"];

/// SQLAlchemy writes `2025-10-23 14:00:00[.123456]` in SQLite, we `2025-10-23T14:00:00.123456Z`; this is ours of both.
macro_rules! moment {
    ($column:literal) => {
        concat!("substr(replace(", $column, ", ' ', 'T') || '.000000', 1, 26) || 'Z'")
    };
}

/// What differs from a database of our own.
#[derive(Debug)]
pub(in crate::sql) struct Adaptation {
    engine: Engine,
    adopted: BTreeSet<String>,
    tables: BTreeSet<String>,
    indexes: BTreeSet<String>,
    /// Table → columns with their values as SQL.
    fillers: BTreeMap<String, Vec<(String, String)>>,
    /// As many as the product has texts; they live as long as the process, as the texts themselves do.
    known: Mutex<HashMap<&'static str, &'static str>>,
}

impl Adaptation {
    /// None for a database that nobody else made.
    pub(in crate::sql) fn of(engine: Engine, records: &[Record]) -> Option<Self> {
        if records.is_empty() {
            return None;
        }
        let named = |kind, of: fn(&Record) -> &String| {
            records.iter().filter(|record| record.kind == kind).map(of).cloned().collect::<BTreeSet<_>>()
        };
        let mut fillers: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for record in records.iter().filter(|record| record.kind == Kind::Filled) {
            let columns = fillers.entry(record.table.clone()).or_default();
            columns.push((record.name.clone(), record.detail.clone()));
        }
        Some(Self {
            engine,
            adopted: named(Kind::Adopted, |record| &record.table),
            tables: named(Kind::TablePrefixed, |record| &record.table),
            indexes: named(Kind::IndexPrefixed, |record| &record.detail),
            fillers,
            known: Mutex::new(HashMap::new()),
        })
    }

    /// One of the product's texts.
    pub(in crate::sql) fn text(&self, text: &'static str) -> &'static str {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(text).or_insert_with(|| {
            let adapted = self.adapt(text);
            if adapted == text { text } else { Box::leak(adapted.into_boxed_str()) }
        })
    }

    /// Any text.
    pub(super) fn adapt(&self, text: &str) -> String {
        let text = self.with_names(text);
        let text = self.with_fillers(text);
        self.with_moments(text)
    }

    fn with_names(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 32);
        let mut before = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word_end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (piece, is_word) = if first == '\'' {
                (rest[1..].find('\'').map_or(rest.len(), |end| end + 2), false)
            } else if word_end > 0 {
                (word_end, true)
            } else {
                (first.len_utf8(), false)
            };
            let (piece, after) = rest.split_at(piece);
            if is_word {
                let names_table = BEFORE_TABLES.contains(&before.as_str()) || after.starts_with('.');
                if self.indexes.contains(piece) || (names_table && self.tables.contains(piece)) {
                    out.push_str(PREFIX);
                }
                before = piece.to_ascii_lowercase();
            } else if !first.is_whitespace() {
                before.clear();
            }
            out.push_str(piece);
            rest = after;
        }
        out
    }

    fn with_fillers(&self, text: String) -> String {
        let Some((table, columns)) = text.strip_prefix("INSERT INTO ").and_then(|text| text.split_once(" ("))
        else {
            return text;
        };
        let Some((columns, values)) = columns.split_once(')') else { return text };
        let named: Vec<&str> = columns.split(',').map(str::trim).collect();
        let missing: Vec<_> = self
            .fillers
            .get(table)
            .into_iter()
            .flatten()
            .filter(|(column, _)| !named.contains(&column.as_str()))
            .collect();
        let mark = ["VALUES (", "SELECT "].into_iter().find(|mark| values.trim_start().starts_with(mark));
        let (Some(mark), false) = (mark, missing.is_empty()) else { return text };
        let more: String = missing.iter().map(|(column, _)| format!("\"{column}\", ")).collect();
        let literals: String = missing.iter().map(|(_, literal)| format!("{literal}, ")).collect();
        let values = values.trim_start().trim_start_matches(mark);
        format!("INSERT INTO {table} ({more}{columns}) {mark}{literals}{values}")
    }

    fn with_moments(&self, text: String) -> String {
        let updates =
            |table: &str| self.adopted.contains(table) && text.contains(&format!("UPDATE {table} "));
        if updates("people") || updates("organizations") {
            let compared = match self.engine {
                Engine::Sqlite => {
                    concat!(" AND COALESCE(", moment!("updated_at"), ", '1970-01-01T00:00:00.000000Z') = $")
                }
                Engine::Postgres => " AND COALESCE(updated_at, '1970-01-01T00:00:00Z') = $",
            };
            return text.replace(" AND updated_at = $", compared);
        }
        let reads_trail = self.engine == Engine::Sqlite
            && self.adopted.contains("audit_logs")
            && text.starts_with("SELECT ")
            && text.contains("FROM audit_logs");
        match text.split_once(" WHERE ") {
            Some((columns, conditions)) if reads_trail => {
                let conditions = conditions
                    .replace(" timestamp ", concat!(" (", moment!("timestamp"), ") "))
                    .replace("(timestamp,", concat!("((", moment!("timestamp"), "),"))
                    .replace(" timestamp,", concat!(" (", moment!("timestamp"), "),"));
                format!("{columns} WHERE {conditions}")
            }
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adaptation(engine: Engine) -> Adaptation {
        let record = |kind, table: &str, name: &str, detail: &str| Record::new(1, kind, table, name, detail);
        let records = [
            record(Kind::Adopted, "people", "", ""),
            record(Kind::Adopted, "audit_logs", "", ""),
            record(Kind::TablePrefixed, "teams", "signupflow_teams", ""),
            record(Kind::IndexPrefixed, "people", "signupflow_idx_people_org", "idx_people_org"),
            record(Kind::Filled, "people", "sms", "0"),
            record(Kind::Filled, "people", "order", "''"),
        ];
        Adaptation::of(engine, &records).expect("there are records")
    }

    #[test]
    fn a_taken_name_gets_its_prefix_where_it_names_the_table_and_nowhere_else() {
        let sqlite = adaptation(Engine::Sqlite);
        assert_eq!(
            sqlite.text("SELECT t.teams, 'FROM teams' FROM teams t WHERE teams.id = $1 AND myteams = teams"),
            "SELECT t.teams, 'FROM teams' FROM signupflow_teams t WHERE signupflow_teams.id = $1 AND myteams = teams"
        );
        assert_eq!(sqlite.text("DROP INDEX idx_people_org"), "DROP INDEX signupflow_idx_people_org");
    }

    #[test]
    fn columns_of_theirs_get_their_value_in_new_rows() {
        let sqlite = adaptation(Engine::Sqlite);
        assert_eq!(
            sqlite.text("INSERT INTO people (id, name) VALUES ($1, $2)"),
            "INSERT INTO people (\"sms\", \"order\", id, name) VALUES (0, '', $1, $2)"
        );
        assert_eq!(
            sqlite.text("INSERT INTO people (id, sms) SELECT $1, 1"),
            "INSERT INTO people (\"order\", id, sms) SELECT '', $1, 1"
        );
        assert_eq!(sqlite.text("INSERT INTO other (id) VALUES ($1)"), "INSERT INTO other (id) VALUES ($1)");
    }

    #[test]
    fn moments_are_compared_as_moments_and_set_as_they_are() {
        let text = "UPDATE people SET updated_at = $2 WHERE id = $1 AND updated_at = $3";
        let adapted = adaptation(Engine::Postgres).text(text);
        assert_eq!(
            adapted,
            "UPDATE people SET updated_at = $2 WHERE id = $1 AND COALESCE(updated_at, '1970-01-01T00:00:00Z') = $3"
        );
        let trail = "SELECT timestamp FROM audit_logs WHERE timestamp >= $1 ORDER BY timestamp, id";
        let adapted = adaptation(Engine::Sqlite).text(trail);
        assert!(adapted.starts_with("SELECT timestamp FROM audit_logs WHERE "), "{adapted}");
        assert_eq!(adaptation(Engine::Postgres).text(trail), trail);
    }
}
