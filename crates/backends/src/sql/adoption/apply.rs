//! Applying and undoing one migration in a database that somebody else made.

use super::adaptation::Adaptation;
use super::check::{check, decide};
use super::emails::{ADDRESSES, Addresses};
use super::records::{self, Kind, Record};
use super::script::{Step, scripts, statements, step};
use super::{PREFIX, Present, SHARED};
use crate::sql::database::{Engine, Exclusive};
use crate::sql::error::SqlError;
use crate::sql::migrate::Migration;

/// Applies `migrations[at]`; returns what was decided.
pub(in crate::sql) async fn up(
    transaction: &mut Exclusive,
    engine: Engine,
    migrations: &[Migration],
    at: usize,
) -> Result<Vec<Record>, SqlError> {
    let Some(migration) = migrations.get(at) else { return Ok(Vec::new()) };
    let script = statements(scripts(migration, engine).0);
    let mut run = Run::start(transaction, engine, migration.version).await?;
    let clashes = script.iter().any(|statement| match step(statement) {
        Step::CreateTable { table, .. } => run.present.tables.contains_key(&table),
        Step::CreateIndex { index, .. } => run.present.indexes.contains_key(&index),
        _ => false,
    });
    if run.records.is_empty() && !clashes {
        transaction.script(migration.up).await?;
        return Ok(Vec::new());
    }
    if at == 0 {
        check(transaction, engine, &run.present, migrations).await?;
    }
    for statement in &script {
        run.apply(transaction, statement).await?;
    }
    if run.fresh().iter().any(|record| record.kind == Kind::Adopted && record.table == "people") {
        let addresses = Addresses::of(&transaction.rows(ADDRESSES, Vec::new()).await?)?;
        addresses.store(transaction).await?;
        run.records.extend(addresses.notes(migration.version));
    }
    records::append(transaction, run.fresh()).await?;
    Ok(run.records.split_off(run.known))
}

/// Undoes `migration`: whatever was theirs before stays, with all its rows.
pub(in crate::sql) async fn down(
    transaction: &mut Exclusive,
    engine: Engine,
    migration: &Migration,
) -> Result<(), SqlError> {
    let run = Run::start(transaction, engine, migration.version).await?;
    if run.records.is_empty() {
        return transaction.script(migration.down).await;
    }
    for statement in statements(scripts(migration, engine).1) {
        run.undo(transaction, &statement).await?;
    }
    records::forget(transaction, migration.version).await
}

/// One migration on its way.
struct Run {
    engine: Engine,
    version: i64,
    present: Present,
    records: Vec<Record>,
    /// How many of the records are from before.
    known: usize,
}

impl Run {
    async fn start(transaction: &mut Exclusive, engine: Engine, version: i64) -> Result<Self, SqlError> {
        let records = records::load_within(transaction).await?;
        let present = Present::within(transaction).await?;
        Ok(Self { engine, version, present, known: records.len(), records })
    }

    fn fresh(&self) -> &[Record] {
        self.records.get(self.known..).unwrap_or_default()
    }

    fn has(&self, kind: Kind, table: &str, name: &str) -> bool {
        self.records.iter().any(|r| r.kind == kind && r.table == table && (name.is_empty() || r.name == name))
    }

    /// Whether an index of theirs serves as the one of ours with this name.
    fn is_kept(&self, index: &str) -> bool {
        self.records.iter().any(|record| record.kind == Kind::IndexKept && record.name == index)
    }

    /// Whether ours of this name has another, because theirs has it.
    fn is_prefixed(&self, index: &str) -> bool {
        self.records.iter().any(|record| record.kind == Kind::IndexPrefixed && record.detail == index)
    }

    fn is_adopted(&self, table: &str) -> bool {
        self.has(Kind::Adopted, table, "")
    }

    fn adapted(&self, statement: &str) -> String {
        let adaptation = Adaptation::of(self.engine, &self.records);
        adaptation.map_or_else(|| statement.to_owned(), |adaptation| adaptation.adapt(statement))
    }

    async fn apply(&mut self, transaction: &mut Exclusive, statement: &str) -> Result<(), SqlError> {
        match step(statement) {
            Step::CreateTable { table, columns } if self.present.tables.contains_key(&table) => {
                let decided = decide(self.engine, &self.present, self.version, &table, &columns);
                self.records.extend(decided.iter().cloned());
                for record in decided.iter().filter(|record| record.kind == Kind::ColumnAdded) {
                    let Record { table, name, detail, .. } = record;
                    transaction.text(format!("ALTER TABLE {table} ADD COLUMN {name} {detail}")).await?;
                }
                if SHARED.contains(&table.as_str()) {
                    return Ok(());
                }
            }
            Step::AddColumn { table, column }
                if self.is_adopted(&table) && self.present.column(&table, &column.name).is_some() =>
            {
                self.records.push(Record::new(self.version, Kind::ColumnKept, &table, &column.name, ""));
                return Ok(());
            }
            Step::CreateIndex { index, table, columns } if self.decide_index(&index, &table, &columns) => {
                return Ok(());
            }
            // Theirs stays, and ours is made beside it.
            Step::DropIndex(index) if self.is_kept(&index) => return Ok(()),
            Step::DropIndex(index) if !self.is_prefixed(&index) => {
                self.present.indexes.remove(&index);
            }
            Step::CreateTrigger { trigger, table } if self.is_adopted(&table) => {
                let undo = match self.engine {
                    Engine::Sqlite => format!("DROP TRIGGER {trigger}"),
                    Engine::Postgres => format!("DROP TRIGGER {trigger} ON {table}"),
                };
                let made = Record::new(self.version, Kind::Made, &table, &trigger, "trigger");
                self.records.push(made.undone_by(undo));
            }
            _ => {}
        }
        let mut text = self.adapted(statement);
        if SHARED.iter().any(|table| statement.starts_with(&format!("INSERT INTO {table} "))) {
            // The reserved rows may be there from before a way back.
            text.push_str(" ON CONFLICT (id) DO NOTHING");
        }
        transaction.text(text).await
    }

    /// Whether the index is there already.
    fn decide_index(&mut self, index: &str, table: &str, columns: &str) -> bool {
        let version = self.version;
        let name = match self.present.indexes.get(index) {
            Some((on, over)) if on == table && over == columns && self.is_adopted(table) => {
                self.records.push(Record::new(version, Kind::IndexKept, table, index, ""));
                return true;
            }
            Some(_) => {
                let name = format!("{PREFIX}{index}");
                self.records.push(Record::new(version, Kind::IndexPrefixed, table, &name, index));
                name
            }
            None => index.to_owned(),
        };
        if self.is_adopted(table) {
            let made = Record::new(version, Kind::Made, table, &name, "index");
            self.records.push(made.undone_by(format!("DROP INDEX IF EXISTS {name}")));
        }
        false
    }

    async fn undo(&self, transaction: &mut Exclusive, statement: &str) -> Result<(), SqlError> {
        match step(statement) {
            Step::DropTable(table) if self.is_adopted(&table) => {
                let ours =
                    self.records.iter().rev().filter(|r| r.version == self.version && r.table == table);
                for undo in ours.filter_map(|record| record.undo.clone()) {
                    transaction.text(undo).await?;
                }
                return Ok(());
            }
            Step::DropColumn { table, column } if self.has(Kind::ColumnKept, &table, &column) => {
                return Ok(());
            }
            Step::DropIndex(index) if self.is_kept(&index) && !self.is_prefixed(&index) => return Ok(()),
            Step::CreateIndex { index, .. } if self.is_kept(&index) => return Ok(()),
            _ => {}
        }
        transaction.text(self.adapted(statement)).await
    }
}
