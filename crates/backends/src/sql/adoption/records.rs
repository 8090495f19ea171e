//! What adoption decided, kept in the database.

use std::fmt;

use crate::sql::database::{Database, Exclusive};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::statement::Sql;

const CREATE: Sql = Sql::pair(
    "CREATE TABLE IF NOT EXISTS signupflow_adopted (position INTEGER PRIMARY KEY, version INTEGER NOT NULL, \
     kind TEXT NOT NULL, table_name TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, undo TEXT) STRICT",
    "CREATE TABLE IF NOT EXISTS signupflow_adopted (position BIGINT PRIMARY KEY, version BIGINT NOT NULL, \
     kind TEXT NOT NULL, table_name TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, undo TEXT)",
);
const DROP: Sql = Sql::same("DROP TABLE IF EXISTS signupflow_adopted");
const THERE: Sql = Sql::pair(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'signupflow_adopted'",
    "SELECT tablename::text AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema() \
     AND tablename = 'signupflow_adopted'",
);
const LIST: Sql = Sql::same(
    "SELECT version, kind, table_name, name, detail, undo FROM signupflow_adopted ORDER BY position",
);
const APPEND: Sql = Sql::same(
    "INSERT INTO signupflow_adopted (position, version, kind, table_name, name, detail, undo) \
     SELECT COALESCE(MAX(position), 0) + 1, CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), \
     CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT) FROM signupflow_adopted",
);
const FORGET: Sql = Sql::same("DELETE FROM signupflow_adopted WHERE version = $1");

/// What was decided about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table of theirs that is shared.
    Adopted,
    /// A table of theirs that is left alone; ours has a prefix.
    TablePrefixed,
    /// A column that was added.
    ColumnAdded,
    /// A column that a migration would have added, and was there.
    ColumnKept,
    /// A column that wants a value in every new row and has no default; `detail` is the value, as SQL.
    Filled,
    /// An index that was there as we want it.
    IndexKept,
    /// An index whose name was taken; ours has a prefix.
    IndexPrefixed,
    /// An index or trigger that was made on a shared table.
    Made,
    /// An account that nobody can sign in to, because its address is none.
    AddressUnusable,
}

const KINDS: [(Kind, &str); 9] = [
    (Kind::Adopted, "adopted"),
    (Kind::TablePrefixed, "table_prefixed"),
    (Kind::ColumnAdded, "column_added"),
    (Kind::ColumnKept, "column_kept"),
    (Kind::Filled, "filled"),
    (Kind::IndexKept, "index_kept"),
    (Kind::IndexPrefixed, "index_prefixed"),
    (Kind::Made, "made"),
    (Kind::AddressUnusable, "address_unusable"),
];

impl Kind {
    fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// One decision; shown, it is a sentence for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sql) struct Record {
    pub(super) version: i64,
    pub(super) kind: Kind,
    pub(super) table: String,
    pub(super) name: String,
    pub(super) detail: String,
    pub(super) undo: Option<String>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, name, detail, .. } = self;
        match self.kind {
            Kind::Adopted => write!(f, "adopted {table}: its rows stay as they are"),
            Kind::TablePrefixed => write!(f, "left {table} alone; ours is {name}"),
            Kind::ColumnAdded => write!(f, "added column {table}.{name} ({detail})"),
            Kind::ColumnKept => write!(f, "kept column {table}.{name}"),
            Kind::Filled => {
                write!(f, "{table}.{name} wants a value and has no default: new rows get {detail}")
            }
            Kind::IndexKept => write!(f, "kept index {name} of {table}"),
            Kind::IndexPrefixed => write!(f, "the index name {detail} is taken; ours on {table} is {name}"),
            Kind::Made => write!(f, "made {detail} {name} on {table}"),
            Kind::AddressUnusable => {
                write!(f, "{name} cannot sign in: {detail:?} is no usable e-mail address")
            }
        }
    }
}

impl Record {
    pub(super) fn new(version: i64, kind: Kind, table: &str, name: &str, detail: &str) -> Self {
        let (table, name, detail) = (table.to_owned(), name.to_owned(), detail.to_owned());
        Self { version, kind, table, name, detail, undo: None }
    }

    pub(super) fn undone_by(mut self, undo: String) -> Self {
        self.undo = Some(undo);
        self
    }

    fn of(row: &Row) -> Result<Self, SqlError> {
        let word = row.text("kind")?;
        let kind = KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind);
        Ok(Self {
            version: row.int("version")?,
            kind: kind.ok_or_else(|| SqlError::Bad(format!("signupflow_adopted holds an unknown {word}")))?,
            table: row.text("table_name")?,
            name: row.text("name")?,
            detail: row.text("detail")?,
            undo: row.opt_text("undo")?,
        })
    }
}

/// All decisions, in order; none in a database that nobody else made.
pub(in crate::sql) async fn load(database: &Database) -> Result<Vec<Record>, SqlError> {
    if database.rows(THERE, Vec::new()).await?.is_empty() {
        return Ok(Vec::new());
    }
    database.rows(LIST, Vec::new()).await?.iter().map(Record::of).collect()
}

/// As [`load`], inside a migration.
pub(super) async fn load_within(transaction: &mut Exclusive) -> Result<Vec<Record>, SqlError> {
    if transaction.rows(THERE, Vec::new()).await?.is_empty() {
        return Ok(Vec::new());
    }
    transaction.rows(LIST, Vec::new()).await?.iter().map(Record::of).collect()
}

pub(super) async fn append(transaction: &mut Exclusive, records: &[Record]) -> Result<(), SqlError> {
    if !records.is_empty() {
        transaction.script(CREATE).await?;
    }
    for record in records {
        let params = vec![
            record.version.into(),
            record.kind.word().into(),
            record.table.as_str().into(),
            record.name.as_str().into(),
            record.detail.as_str().into(),
            record.undo.as_deref().into(),
        ];
        transaction.run(APPEND, params).await?;
    }
    Ok(())
}

pub(super) async fn forget(transaction: &mut Exclusive, version: i64) -> Result<(), SqlError> {
    transaction.run(FORGET, vec![version.into()]).await.map(|_| ())
}

/// Removes the list itself.
pub(in crate::sql) async fn forget_table(transaction: &mut Exclusive) -> Result<(), SqlError> {
    transaction.script(DROP).await
}
