//! What adoption would do, and what stands in its way: all of it at once, before anything is changed.

use std::fmt;

use super::constraints::{self, Question, questions};
use super::emails::{ADDRESSES, Addresses};
use super::present::{Holds, TheirColumn, neutral};
use super::records::{self, Kind, Record};
use super::script::{Column, Step, scripts, statements, step};
use super::{PREFIX, Present, SHARED};
use crate::sql::database::{Database, Engine, Exclusive};
use crate::sql::error::SqlError;
use crate::sql::migrate::Migration;
use crate::sql::statement::Sql;

/// Without these the tables are not those of a SignUpFlow.
const ESSENTIAL: [(&str, &[&str]); 4] = [
    ("organizations", &["id", "name"]),
    ("people", &["id", "org_id", "name", "email", "password_hash", "roles"]),
    ("user_security_settings", &["user_id"]),
    ("audit_logs", &["id", "timestamp", "org_id", "user_id", "user_email", "user_roles", "action"]),
];
/// May be NOT NULL in their tables although they need not in ours: we never store NULL there.
const NEVER_NULL: [&str; 5] = ["config", "created_at", "updated_at", "totp_enabled", "failed_login_attempts"];
/// Where a row without a value would be lost to us.
const NO_VALUE: [(&str, &str, Sql); 2] = [
    ("people", "status", Sql::same("SELECT count(*) AS n FROM people WHERE status IS NULL")),
    ("organizations", "status", Sql::same("SELECT count(*) AS n FROM organizations WHERE status IS NULL")),
];

/// What `up` would find and do in a database that somebody else made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What was done already, or would be.
    pub steps: Vec<String>,
    /// What must be put right first, each in a sentence.
    pub problems: Vec<String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

/// What was decided about this database, or would be.
pub(in crate::sql) async fn plan(
    database: &Database,
    migrations: &[Migration],
    untouched: bool,
) -> Result<Plan, SqlError> {
    let done = records::load(database).await?;
    if !done.is_empty() || !untouched {
        let steps = done.iter().filter(|record| record.kind != Kind::Made).map(Record::to_string).collect();
        return Ok(Plan { steps, problems: Vec::new() });
    }
    let present = Present::at(database).await?;
    let engine = database.engine();
    let mut plan = Plan { problems: problems(engine, &present, migrations), steps: Vec::new() };
    for (table, columns) in tables(engine, migrations) {
        if present.tables.contains_key(&table) {
            let steps = decide(engine, &present, 0, &table, &columns);
            plan.steps.extend(steps.iter().map(Record::to_string));
        }
    }
    if plan.problems.is_empty() && present.tables.contains_key("people") {
        plan.problems.extend(Addresses::of(&database.rows(ADDRESSES, Vec::new()).await?)?.problems());
        for (table, column, count) in NO_VALUE {
            if present.column(table, column).is_some() {
                let row = database.row(count, Vec::new()).await?;
                plan.problems.extend(no_value(table, column, row.map_or(Ok(0), |row| row.int("n"))?));
            }
        }
        for question in asked(engine, &present, migrations) {
            if !database.rows(question.text, Vec::new()).await?.is_empty() {
                plan.problems.push(question.sentence);
            }
        }
    }
    Ok(plan)
}

/// Refuses what cannot fit. For the first migration of all.
pub(super) async fn check(
    transaction: &mut Exclusive,
    engine: Engine,
    present: &Present,
    migrations: &[Migration],
) -> Result<(), SqlError> {
    let mut problems = problems(engine, present, migrations);
    if problems.is_empty() && present.tables.contains_key("people") {
        problems.extend(Addresses::of(&transaction.rows(ADDRESSES, Vec::new()).await?)?.problems());
        for (table, column, count) in NO_VALUE {
            if present.column(table, column).is_some() {
                let rows = transaction.rows(count, Vec::new()).await?;
                problems.extend(no_value(table, column, rows.first().map_or(Ok(0), |row| row.int("n"))?));
            }
        }
        for question in asked(engine, present, migrations) {
            if !transaction.rows(question.text.into(), Vec::new()).await?.is_empty() {
                problems.push(question.sentence);
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(SqlError::Bad(format!(
        "this database cannot be adopted as it is; nothing was changed: {}",
        problems.join("; ")
    )))
}

/// What must be asked of their constraints.
fn asked(engine: Engine, present: &Present, migrations: &[Migration]) -> Vec<Question> {
    let shared = tables(engine, migrations).into_iter().filter(|(table, _)| SHARED.contains(&table.as_str()));
    let decided: Vec<Record> =
        shared.flat_map(|(table, columns)| decide(engine, present, 0, &table, &columns)).collect();
    questions(engine, present, &decided)
}

fn no_value(table: &str, column: &str, rows: i64) -> Option<String> {
    (rows > 0).then(|| format!("{table}.{column} is NULL in {rows} rows: set it to 'active' or another word"))
}

/// The tables that the migrations make, with all columns they get.
pub(super) fn tables(engine: Engine, migrations: &[Migration]) -> Vec<(String, Vec<Column>)> {
    let mut all: Vec<(String, Vec<Column>)> = Vec::new();
    for migration in migrations {
        for statement in statements(scripts(migration, engine).0) {
            match step(&statement) {
                Step::CreateTable { table, columns } => all.push((table, columns)),
                Step::AddColumn { table, column } => {
                    all.iter_mut().filter(|(name, _)| *name == table).for_each(|(_, columns)| {
                        columns.push(column.clone());
                    });
                }
                _ => {}
            }
        }
    }
    all
}

fn problems(engine: Engine, present: &Present, migrations: &[Migration]) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns) in tables(Engine::Postgres, migrations) {
        if !SHARED.contains(&table.as_str()) || !present.tables.contains_key(&table) {
            continue;
        }
        for column in &columns {
            all.extend(match present.column(&table, &column.name) {
                None => missing(&table, &column.name),
                Some(theirs) => unfit(engine, &table, column, theirs),
            });
        }
        all.extend(without_value(engine, present, &table, &columns));
    }
    all.extend(constraints::problems(present));
    if present.tables.contains_key("people") != present.tables.contains_key("organizations") {
        all.push("there must be both tables people and organizations, or neither".to_owned());
    }
    all
}

fn missing(table: &str, column: &str) -> Option<String> {
    let essential = ESSENTIAL.iter().any(|(name, columns)| *name == table && columns.contains(&column));
    essential.then(|| format!("{table} has no column {column}: this is not the table of a SignUpFlow"))
}

fn unfit(engine: Engine, table: &str, column: &Column, theirs: &TheirColumn) -> Option<String> {
    let name = &column.name;
    let holds = Holds::ours(&column.definition);
    let kind = &theirs.kind;
    let may_be_json = (table, name.as_str()) == ("people", "roles");
    // The trail's triggers look into its JSON; elsewhere JSON may be kept in text.
    let may_be_text = holds == Holds::Json && table != "audit_logs";
    if !(holds.fits(engine, kind)
        || may_be_json && Holds::Json.fits(engine, kind)
        || may_be_text && Holds::Text.fits(engine, kind))
    {
        let advice = format!(": ALTER TABLE {table} ALTER COLUMN {name} TYPE varchar USING {name}::text");
        let advice = if theirs.is_enum { advice.as_str() } else { "" };
        return Some(format!("{table}.{name} is {kind}, and must hold {}{advice}", holds.words()));
    }
    if theirs.required && !column.is_required() && !NEVER_NULL.contains(&name.as_str()) {
        return Some(format!(
            "{table}.{name} is NOT NULL, and must be allowed to be NULL (as for deleted people): drop that constraint"
        ));
    }
    None
}

/// Columns that want a value we cannot know.
fn without_value(engine: Engine, present: &Present, table: &str, ours: &[Column]) -> Vec<String> {
    let theirs = present.tables.get(table).into_iter().flatten();
    let unknown = theirs.filter(|(name, column)| {
        column.required && !column.has_default && ours.iter().all(|ours| ours.name != **name)
    });
    unknown
        .filter_map(|(name, column)| {
            if present.bound.contains(&(table.to_owned(), name.clone())) {
                return Some(format!(
                    "{table}.{name} is NOT NULL without a default, and unique or a foreign key: give it a default, or \
                     allow NULL"
                ));
            }
            neutral(engine, &column.kind).is_none().then(|| {
                format!("{table}.{name} ({}) is NOT NULL without a default: give it one", column.kind)
            })
        })
        .collect()
}

/// What becomes of a table of theirs with a name of ours.
pub(super) fn decide(
    engine: Engine,
    present: &Present,
    version: i64,
    table: &str,
    ours: &[Column],
) -> Vec<Record> {
    if !SHARED.contains(&table) {
        let name = format!("{PREFIX}{table}");
        return vec![Record::new(version, Kind::TablePrefixed, table, &name, "")];
    }
    let mut records = vec![Record::new(version, Kind::Adopted, table, table, "")];
    for column in ours.iter().filter(|column| present.column(table, &column.name).is_none()) {
        let definition = addable(engine, column, present.zoneless(table));
        let undo = format!("ALTER TABLE {table} DROP COLUMN {}", column.name);
        records
            .push(Record::new(version, Kind::ColumnAdded, table, &column.name, &definition).undone_by(undo));
    }
    for (name, theirs) in present.tables.get(table).into_iter().flatten() {
        let ours = ours.iter().find(|column| column.name == *name);
        let value = ours.and_then(Column::default).or_else(|| neutral(engine, &theirs.kind));
        if let (true, false, Some(value)) = (theirs.required, theirs.has_default, value)
            && !is_always_given(table, name)
        {
            records.push(Record::new(version, Kind::Filled, table, name, value));
        }
    }
    records
}

/// Columns that every `INSERT` of ours names.
fn is_always_given(table: &str, column: &str) -> bool {
    let essential = ESSENTIAL.iter().any(|(name, columns)| *name == table && columns.contains(&column));
    let of_trail = table == "audit_logs" && ["resource_type", "resource_id", "status"].contains(&column);
    let moments = table != "user_security_settings" && ["created_at", "updated_at"].contains(&column);
    (essential && !["email", "password_hash", "roles"].contains(&column)) || of_trail || moments
}

/// The definition, such that it can be added to a table with rows.
fn addable(engine: Engine, column: &Column, zoneless: bool) -> String {
    let definition = column.definition.as_str();
    let default = match (column.is_required() && column.default().is_none(), engine) {
        (false, _) => "",
        (true, Engine::Sqlite) if definition.starts_with("BLOB") => " DEFAULT x''",
        (true, Engine::Sqlite) if column.name.ends_with("_at") => " DEFAULT '1970-01-01T00:00:00.000000Z'",
        (true, Engine::Postgres) if definition.starts_with("TIMESTAMPTZ") => {
            " DEFAULT '1970-01-01T00:00:00Z'"
        }
        (true, _) => " DEFAULT ''",
    };
    let definition = format!("{definition}{default}");
    if zoneless { definition.replace("TIMESTAMPTZ", "TIMESTAMP") } else { definition }
}
