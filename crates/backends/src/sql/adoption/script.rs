//! Reading our own migration scripts: their statements, and what those make.

use crate::sql::database::Engine;
use crate::sql::migrate::Migration;

/// The scripts of the engine: up and down.
pub(super) fn scripts(migration: &Migration, engine: Engine) -> (&'static str, &'static str) {
    match engine {
        Engine::Sqlite => (migration.up.for_sqlite(), migration.down.for_sqlite()),
        Engine::Postgres => (migration.up.for_postgres(), migration.down.for_postgres()),
    }
}

/// The statements of a script, without comments and closing semicolons.
pub(super) fn statements(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        } else if let Some(text) = rest.strip_prefix('\'') {
            text.find('\'').map_or(rest.len(), |end| end + 2)
        } else if let Some(text) = rest.strip_prefix("$$") {
            text.find("$$").map_or(rest.len(), |end| end + 4)
        } else if first == ';' && !in_trigger_body(&current) {
            push(&mut all, &mut current);
            rest = &rest[1..];
            continue;
        } else {
            first.len_utf8()
        };
        current.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    push(&mut all, &mut current);
    all
}

fn push(all: &mut Vec<String>, current: &mut String) {
    let statement = current.trim();
    if !statement.is_empty() {
        all.push(statement.to_owned());
    }
    current.clear();
}

/// SQLite's triggers hold statements of their own.
fn in_trigger_body(current: &str) -> bool {
    let text = current.trim();
    text.starts_with("CREATE TRIGGER") && text.contains("\nBEGIN") && !text.ends_with("END")
}

/// What a statement of a migration does, as far as adoption must know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    CreateTable { table: String, columns: Vec<Column> },
    AddColumn { table: String, column: Column },
    DropColumn { table: String, column: String },
    CreateIndex { index: String, table: String, columns: String },
    CreateTrigger { trigger: String, table: String },
    DropTable(String),
    DropIndex(String),
    Other,
}

/// A column of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Everything after the name.
    pub(super) definition: String,
}

impl Column {
    fn parse(text: &str) -> Option<Self> {
        let (name, definition) = text.trim().split_once(char::is_whitespace)?;
        let constraint = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"].contains(&name);
        (!constraint).then(|| Self { name: name.to_owned(), definition: definition.trim().to_owned() })
    }

    pub(super) fn is_required(&self) -> bool {
        self.definition.contains("NOT NULL") || self.definition.contains("PRIMARY KEY")
    }

    /// The default, as SQL.
    pub(super) fn default(&self) -> Option<&str> {
        let (_, after) = self.definition.split_once("DEFAULT ")?;
        after.split_whitespace().next()
    }
}

/// What `statement` does.
pub(super) fn step(statement: &str) -> Step {
    let words: Vec<&str> =
        statement.split(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty()).collect();
    let owned = |at: usize| words.get(at).map(|word| (*word).to_owned()).unwrap_or_default();
    match *words.as_slice() {
        ["CREATE", "TABLE", ..] => Step::CreateTable { table: owned(2), columns: columns(statement) },
        ["CREATE", "INDEX", _, "ON", ..] | ["CREATE", "UNIQUE", "INDEX", _, "ON", ..] => {
            let shift = usize::from(words[1] == "UNIQUE");
            let columns = body(statement).split(',').map(str::trim).collect::<Vec<_>>().join(",");
            Step::CreateIndex { index: owned(2 + shift), table: owned(4 + shift), columns }
        }
        ["CREATE", "TRIGGER", ..] => {
            let on = words.iter().position(|word| *word == "ON").unwrap_or(words.len());
            Step::CreateTrigger { trigger: owned(2), table: owned(on + 1) }
        }
        ["ALTER", "TABLE", _, "ADD", "COLUMN", ..] => {
            let text = statement.split_once("ADD COLUMN").map_or("", |(_, text)| text);
            Column::parse(text).map_or(Step::Other, |column| Step::AddColumn { table: owned(2), column })
        }
        ["ALTER", "TABLE", _, "DROP", "COLUMN", ..] => Step::DropColumn { table: owned(2), column: owned(5) },
        ["DROP", "TABLE", ..] => Step::DropTable(owned(2)),
        ["DROP", "INDEX", ..] => Step::DropIndex(owned(2)),
        _ => Step::Other,
    }
}

/// What stands between the outermost parentheses.
fn body(statement: &str) -> &str {
    let start = statement.find('(').map_or(statement.len(), |at| at + 1);
    let end = statement.rfind(')').unwrap_or(statement.len()).max(start);
    &statement[start..end]
}

fn columns(statement: &str) -> Vec<Column> {
    let mut depth = 0_usize;
    let parts = body(statement).split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.filter_map(Column::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::migrate::ALL;

    #[test]
    fn scripts_fall_into_their_statements() {
        let script = "-- a; b\nCREATE TABLE a (x TEXT DEFAULT ';', y TEXT); CREATE FUNCTION f() AS $$ a; b $$;\n\
                      CREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN\n SELECT 1;\nEND;";
        let found = statements(script);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[2].ends_with("END"));
    }

    #[test]
    fn every_statement_of_ours_starts_with_a_verb_and_both_engines_make_the_same_tables() {
        for migration in ALL {
            let made = |engine| {
                let all = statements(scripts(migration, engine).0);
                assert!(all.iter().all(|text| text.starts_with(char::is_uppercase)), "{all:#?}");
                let tables = all.iter().filter_map(|text| match step(text) {
                    Step::CreateTable { table, columns } => {
                        Some((table, columns.into_iter().map(|column| column.name).collect::<Vec<_>>()))
                    }
                    _ => None,
                });
                tables.collect::<Vec<_>>()
            };
            assert_eq!(made(Engine::Sqlite), made(Engine::Postgres), "{}", migration.name);
        }
    }
}
