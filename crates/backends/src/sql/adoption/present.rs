//! What is in the database before we come.

use std::collections::{BTreeMap, BTreeSet};

use super::constraints::Check;
use crate::sql::database::{Database, Engine, Exclusive};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::statement::Sql;

const COLUMNS: Sql = Sql::pair(
    "SELECT m.name AS table_name, c.name AS column_name, lower(c.type) AS type, c.\"notnull\" AS required, \
     c.dflt_value IS NOT NULL OR (c.pk = 1 AND lower(c.type) = 'integer' AND (SELECT max(p.pk) FROM \
     pragma_table_info(m.name) p) = 1) AS has_default, FALSE AS is_enum, NULL AS max_length FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'",
    "SELECT c.relname::text AS table_name, a.attname::text AS column_name, \
     pg_catalog.format_type(a.atttypid, NULL) AS type, a.attnotnull AS required, \
     a.atthasdef OR a.attidentity <> '' AS has_default, EXISTS (SELECT 1 FROM pg_catalog.pg_type t \
     WHERE t.oid = a.atttypid AND t.typtype = 'e') AS is_enum, CASE WHEN a.atttypid = 'varchar'::regtype \
     AND a.atttypmod > 4 THEN (a.atttypmod - 4)::bigint END AS max_length FROM pg_catalog.pg_attribute a \
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped",
);
/// Columns whose values must be unique, or must point at a row.
const BOUND: Sql = Sql::pair(
    "SELECT m.name AS table_name, i.name AS column_name FROM sqlite_schema m JOIN pragma_index_list(m.name) l \
     JOIN pragma_index_info(l.name) i WHERE m.type = 'table' AND l.\"unique\" = 1 AND i.name IS NOT NULL \
     UNION SELECT m.name, f.\"from\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f \
     WHERE m.type = 'table'",
    "SELECT c.relname::text AS table_name, a.attname::text AS column_name FROM pg_catalog.pg_index i \
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) \
     WHERE n.nspname = current_schema() AND i.indisunique \
     UNION SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_constraint k \
     JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey) \
     WHERE n.nspname = current_schema() AND k.contype = 'f'",
);
/// Columns that tell a row apart alone, whatever else does.
const KEYS: Sql = Sql::pair(
    "SELECT m.name AS table_name, c.name AS column_name FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND c.pk = 1 AND (SELECT max(p.pk) FROM pragma_table_info(m.name) p) = 1 \
     UNION SELECT m.name, i.name FROM sqlite_schema m JOIN pragma_index_list(m.name) l \
     JOIN pragma_index_info(l.name) i WHERE m.type = 'table' AND l.\"unique\" = 1 AND l.partial = 0 \
     AND i.name IS NOT NULL AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1",
    "SELECT c.relname::text AS table_name, a.attname::text AS column_name FROM pg_catalog.pg_index i \
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
     WHERE n.nspname = current_schema() AND i.indisunique AND i.indimmediate AND i.indisvalid \
     AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1",
);
/// SQLite keeps the text of the whole table only.
const CHECKS: Sql = Sql::pair(
    "SELECT m.name AS table_name, '' AS name, m.sql AS body FROM sqlite_schema m \
     WHERE m.type = 'table' AND m.sql IS NOT NULL",
    "SELECT c.relname::text AS table_name, k.conname::text AS name, \
     pg_catalog.pg_get_expr(k.conbin, k.conrelid) AS body FROM pg_catalog.pg_constraint k \
     JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND k.contype = 'c' ORDER BY c.relname, k.conname",
);
const INDEXES: Sql = Sql::pair(
    "SELECT m.name AS index_name, m.tbl_name AS table_name, COALESCE((SELECT group_concat(i.name) FROM \
     pragma_index_info(m.name) i), '') AS columns FROM sqlite_schema m WHERE m.type = 'index'",
    "SELECT i.relname::text AS index_name, t.relname::text AS table_name, COALESCE((SELECT \
     string_agg(a.attname::text, ',' ORDER BY k.position) FROM unnest(x.indkey::smallint[]) WITH ORDINALITY \
     k (number, position) JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number), '') \
     AS columns FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
     JOIN pg_catalog.pg_class t ON t.oid = x.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
     WHERE n.nspname = current_schema()",
);

/// A column of theirs.
#[derive(Clone, Debug)]
pub(super) struct TheirColumn {
    /// The type as the database names it, in small letters.
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) has_default: bool,
    /// Of a type that PostgreSQL lists the values of.
    pub(super) is_enum: bool,
    /// In characters.
    pub(super) max_length: Option<i64>,
}

/// Tables, columns and indexes.
#[derive(Debug, Default)]
pub(super) struct Present {
    pub(super) tables: BTreeMap<String, BTreeMap<String, TheirColumn>>,
    pub(super) bound: BTreeSet<(String, String)>,
    /// Name → table and columns.
    pub(super) indexes: BTreeMap<String, (String, String)>,
    /// Table and column.
    pub(super) keys: BTreeSet<(String, String)>,
    pub(super) checks: Vec<Check>,
}

impl Present {
    pub(super) async fn within(transaction: &mut Exclusive) -> Result<Self, SqlError> {
        let columns = transaction.rows(COLUMNS, Vec::new()).await?;
        let bound = transaction.rows(BOUND, Vec::new()).await?;
        let mut present = Self::of(&columns, &bound, &transaction.rows(INDEXES, Vec::new()).await?)?;
        let keys = transaction.rows(KEYS, Vec::new()).await?;
        present.constrain(&keys, &transaction.rows(CHECKS, Vec::new()).await?)?;
        Ok(present)
    }

    pub(super) async fn at(database: &Database) -> Result<Self, SqlError> {
        let columns = database.rows(COLUMNS, Vec::new()).await?;
        let bound = database.rows(BOUND, Vec::new()).await?;
        let mut present = Self::of(&columns, &bound, &database.rows(INDEXES, Vec::new()).await?)?;
        let keys = database.rows(KEYS, Vec::new()).await?;
        present.constrain(&keys, &database.rows(CHECKS, Vec::new()).await?)?;
        Ok(present)
    }

    fn constrain(&mut self, keys: &[Row], checks: &[Row]) -> Result<(), SqlError> {
        for row in keys {
            self.keys.insert((row.text("table_name")?, row.text("column_name")?));
        }
        for row in checks {
            self.checks.extend(Check::of(&row.text("table_name")?, &row.text("name")?, &row.text("body")?));
        }
        Ok(())
    }

    fn of(columns: &[Row], bound: &[Row], indexes: &[Row]) -> Result<Self, SqlError> {
        let mut present = Self::default();
        for row in columns {
            let column = TheirColumn {
                kind: row.text("type")?,
                required: row.bool("required")?,
                has_default: row.bool("has_default")?,
                is_enum: row.bool("is_enum")?,
                max_length: row.opt_int("max_length")?,
            };
            let table = present.tables.entry(row.text("table_name")?).or_default();
            table.insert(row.text("column_name")?, column);
        }
        for row in bound {
            present.bound.insert((row.text("table_name")?, row.text("column_name")?));
        }
        for row in indexes {
            let place = (row.text("table_name")?, row.text("columns")?);
            present.indexes.insert(row.text("index_name")?, place);
        }
        Ok(present)
    }

    pub(super) fn column(&self, table: &str, column: &str) -> Option<&TheirColumn> {
        self.tables.get(table)?.get(column)
    }

    /// Whether somebody else's moments in this table have no zone; ours then have none either.
    pub(super) fn zoneless(&self, table: &str) -> bool {
        let mut columns = self.tables.get(table).into_iter().flat_map(BTreeMap::values);
        columns.any(|column| column.kind == "timestamp without time zone")
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Number,
    Truth,
    Moment,
    Json,
    Octets,
}

impl Holds {
    /// By the type in PostgreSQL's script, which tells more kinds apart than SQLite's.
    pub(super) fn ours(definition: &str) -> Self {
        match definition.split_whitespace().next().unwrap_or_default() {
            "BIGINT" => Self::Number,
            "BOOLEAN" => Self::Truth,
            "TIMESTAMPTZ" => Self::Moment,
            "JSON" => Self::Json,
            "BYTEA" => Self::Octets,
            _ => Self::Text,
        }
    }

    /// Words for operators.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a whole number",
            Self::Truth => "a boolean",
            Self::Moment => "a date and time",
            Self::Json => "JSON",
            Self::Octets => "bytes",
        }
    }

    /// Whether a column of `kind` can hold it, as SQLAlchemy or a careful hand declares them.
    pub(super) fn fits(self, engine: Engine, kind: &str) -> bool {
        let is = |words: &[&str]| words.contains(&kind);
        let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        match engine {
            Engine::Postgres => match self {
                Self::Text => is(&["text", "character varying"]),
                Self::Number => is(&["bigint", "integer", "smallint"]),
                Self::Truth => kind == "boolean",
                Self::Moment => is(&["timestamp without time zone", "timestamp with time zone"]),
                Self::Json => is(&["json", "jsonb"]),
                Self::Octets => kind == "bytea",
            },
            Engine::Sqlite => match self {
                Self::Text => has(&["char", "text", "clob", "json"]),
                Self::Number => has(&["int"]),
                Self::Truth => has(&["bool", "int"]),
                Self::Moment => has(&["date", "time", "text", "char"]),
                Self::Json => has(&["json", "text", "char", "clob"]),
                Self::Octets => has(&["blob", "binary"]),
            },
        }
    }
}

/// A value for a column of theirs that wants one and that we know nothing of, as SQL; none where we dare not say.
pub(super) fn neutral(engine: Engine, kind: &str) -> Option<&'static str> {
    match engine {
        Engine::Sqlite => neutral_in_sqlite(kind),
        Engine::Postgres => neutral_in_postgres(kind),
    }
}

/// By the rules of affinity: any word may stand for a type.
fn neutral_in_sqlite(kind: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    Some(if has(&["json"]) {
        "'{}'"
    } else if has(&["timestamp", "datetime"]) {
        "'1970-01-01 00:00:00.000000'"
    } else if kind == "date" {
        "'1970-01-01'"
    } else if has(&["bool", "int", "numeric", "decimal", "float", "double", "real"]) {
        "0"
    } else if has(&["char", "text"]) {
        "''"
    } else {
        return None;
    })
}

/// Types by their whole names: somebody's own may sound like any of them.
fn neutral_in_postgres(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "boolean" => "FALSE",
        "json" | "jsonb" => "'{}'",
        "timestamp without time zone" | "timestamp with time zone" => "'1970-01-01 00:00:00'",
        "date" => "'1970-01-01'",
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => "0",
        "text" | "character varying" | "character" => "''",
        array if array.ends_with("[]") => "'{}'",
        _ => return None,
    })
}
