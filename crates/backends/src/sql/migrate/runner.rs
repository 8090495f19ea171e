//! Runs migrations and keeps the list of those that ran.

use hardening::clock::{Clock, SystemClock, Timestamp};
use sha2::{Digest, Sha256};

use super::Migration;
use super::report::{Applied, Reverted, State, Status};
use crate::sql::adoption::{self, Plan};
use crate::sql::database::{Database, Engine, Exclusive};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::statement::Sql;

const CREATE_LIST: Sql = Sql::pair(
    "CREATE TABLE IF NOT EXISTS signupflow_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
     checksum TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS signupflow_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
     checksum TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)",
);
const DROP_LIST: Sql = Sql::same("DROP TABLE signupflow_migrations");
const LIST: Sql =
    Sql::same("SELECT version, name, checksum, applied_at FROM signupflow_migrations ORDER BY version");
const REMEMBER: Sql = Sql::same(
    "INSERT INTO signupflow_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
);
const FORGET: Sql = Sql::same("DELETE FROM signupflow_migrations WHERE version = $1");
const TABLES: Sql = Sql::pair(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    "SELECT tablename::text AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema() \
     ORDER BY tablename",
);
const LIST_TABLE: &str = "signupflow_migrations";
const ADOPTION_TABLE: &str = "signupflow_adopted";

/// Where every migration of the product stands; changes nothing.
///
/// # Errors
/// [`SqlError::Unavailable`].
pub async fn status(database: &Database) -> Result<Vec<Status>, SqlError> {
    status_of(database, super::ALL).await
}

/// As [`status`], for another list.
///
/// # Errors
/// As [`status`].
pub async fn status_of(database: &Database, migrations: &[Migration]) -> Result<Vec<Status>, SqlError> {
    let listed = database.rows(TABLES, Vec::new()).await?;
    let known = listed.iter().any(|row| row.text("name").is_ok_and(|name| name == LIST_TABLE));
    let rows = if known { database.rows(LIST, Vec::new()).await? } else { Vec::new() };
    let done = rows.iter().map(Done::of).collect::<Result<Vec<_>, _>>()?;
    let engine = database.engine();
    let mut all: Vec<Status> = migrations
        .iter()
        .map(|migration| {
            let state = match done.iter().find(|done| done.version == migration.version) {
                None => State::Pending,
                Some(done) if done.matches(migration, engine) => State::Applied(done.at),
                Some(done) => State::Changed(done.at),
            };
            Status { version: migration.version, name: migration.name.to_owned(), state }
        })
        .collect();
    let unknown = done.into_iter().filter(|done| migrations.iter().all(|m| m.version != done.version));
    all.extend(unknown.map(|done| Status {
        version: done.version,
        name: done.name,
        state: State::Unknown(done.at),
    }));
    Ok(all)
}

/// The migrations of the product that `up` would apply.
///
/// # Errors
/// [`SqlError::Unavailable`].
pub async fn pending(database: &Database) -> Result<Vec<Status>, SqlError> {
    pending_of(database, super::ALL).await
}

/// As [`pending`], for another list.
///
/// # Errors
/// As [`pending`].
pub async fn pending_of(database: &Database, migrations: &[Migration]) -> Result<Vec<Status>, SqlError> {
    let mut all = status_of(database, migrations).await?;
    all.retain(|status| status.state == State::Pending);
    Ok(all)
}

/// What was, or would be, done about tables that somebody else made in this database.
///
/// # Errors
/// As [`status`].
pub async fn adoption(database: &Database) -> Result<Plan, SqlError> {
    let untouched = status(database).await?.iter().all(|status| status.state == State::Pending);
    adoption::plan(database, super::ALL, untouched).await
}

/// Applies what is pending, in order, each in a transaction of its own. Safe to call from two processes at
/// once: one applies, the other finds it done.
///
/// # Errors
/// [`SqlError::Bad`] when a script fails, an applied one has changed, or the database is newer; what was
/// applied before that stays.
pub async fn up(database: &Database) -> Result<Vec<Applied>, SqlError> {
    up_of(database, super::ALL).await
}

/// As [`up`], for another list.
///
/// # Errors
/// As [`up`].
pub async fn up_of(database: &Database, migrations: &[Migration]) -> Result<Vec<Applied>, SqlError> {
    let mut applied = Vec::new();
    while let Some(step) = up_once(database, migrations).await? {
        tracing::info!(version = step.version, name = step.name, tables = ?step.tables, "migration applied");
        applied.push(step);
    }
    database.adapt().await?;
    Ok(applied)
}

async fn up_once(database: &Database, migrations: &[Migration]) -> Result<Option<Applied>, SqlError> {
    let mut transaction = database.exclusive().await?;
    transaction.script(CREATE_LIST).await?;
    let done = trusted(&mut transaction, migrations, database.engine()).await?;
    let Some(migration) = migrations.get(done) else { return Ok(None) };
    let before = tables(&mut transaction).await?;
    let decided = adoption::up(&mut transaction, database.engine(), migrations, done).await;
    let decided = decided.map_err(|error| named(migration, error))?;
    let made = tables(&mut transaction).await?.into_iter();
    let applied = Applied {
        version: migration.version,
        name: migration.name.to_owned(),
        tables: made.filter(|name| !before.contains(name) && name != ADOPTION_TABLE).collect(),
        adoption: decided.iter().map(ToString::to_string).collect(),
    };
    let checksum = checksum(migration, database.engine());
    let params =
        vec![migration.version.into(), migration.name.into(), checksum.into(), SystemClock.now().into()];
    transaction.run(REMEMBER, params).await?;
    transaction.commit().await?;
    Ok(Some(applied))
}

/// Undoes the newest `steps` migrations, or all of them for `None`, newest first. Undoing all also removes
/// the list of migrations itself: nothing of ours is left.
///
/// # Errors
/// As [`up`].
pub async fn down(database: &Database, steps: Option<usize>) -> Result<Vec<Reverted>, SqlError> {
    down_of(database, super::ALL, steps).await
}

/// As [`down`], for another list.
///
/// # Errors
/// As [`down`].
pub async fn down_of(
    database: &Database,
    migrations: &[Migration],
    steps: Option<usize>,
) -> Result<Vec<Reverted>, SqlError> {
    let mut reverted = Vec::new();
    while steps.is_none_or(|steps| reverted.len() < steps) {
        let Some(step) = down_once(database, migrations).await? else { break };
        tracing::info!(version = step.version, name = step.name, tables = ?step.tables, "migration undone");
        reverted.push(step);
    }
    database.adapt().await?;
    Ok(reverted)
}

async fn down_once(database: &Database, migrations: &[Migration]) -> Result<Option<Reverted>, SqlError> {
    let mut transaction = database.exclusive().await?;
    transaction.script(CREATE_LIST).await?;
    let done = trusted(&mut transaction, migrations, database.engine()).await?;
    let Some(migration) = done.checked_sub(1).and_then(|last| migrations.get(last)) else {
        adoption::forget_table(&mut transaction).await?;
        transaction.script(DROP_LIST).await?;
        transaction.commit().await?;
        return Ok(None);
    };
    let before = tables(&mut transaction).await?;
    let undone = adoption::down(&mut transaction, database.engine(), migration).await;
    undone.map_err(|error| named(migration, error))?;
    let left = tables(&mut transaction).await?;
    transaction.run(FORGET, vec![migration.version.into()]).await?;
    transaction.commit().await?;
    let removed = before.into_iter().filter(|name| !left.contains(name)).collect();
    Ok(Some(Reverted { version: migration.version, name: migration.name.to_owned(), tables: removed }))
}

/// How many of `migrations` are applied; they must be the first ones, and unchanged.
async fn trusted(
    transaction: &mut Exclusive,
    migrations: &[Migration],
    engine: Engine,
) -> Result<usize, SqlError> {
    let rows = transaction.rows(LIST, Vec::new()).await?;
    for (position, row) in rows.iter().enumerate() {
        let done = Done::of(row)?;
        let refusal = match migrations.get(position) {
            Some(migration) if done.matches(migration, engine) => continue,
            Some(migration) if migration.version == done.version => "was changed after it was applied",
            Some(_) => "was applied out of order",
            None => "was applied by a newer version of this program",
        };
        return Err(SqlError::Bad(format!("migration {} {} {refusal}", done.version, done.name)));
    }
    Ok(rows.len())
}

async fn tables(transaction: &mut Exclusive) -> Result<Vec<String>, SqlError> {
    transaction.rows(TABLES, Vec::new()).await?.iter().map(|row| row.text("name")).collect()
}

fn named(migration: &Migration, error: SqlError) -> SqlError {
    match error {
        SqlError::Bad(text) => {
            SqlError::Bad(format!("migration {} {}: {text}", migration.version, migration.name))
        }
        other => other,
    }
}

/// SHA-256 of both scripts of the engine, line ends normalised, in hexadecimal.
fn checksum(migration: &Migration, engine: Engine) -> String {
    let (up, down) = match engine {
        Engine::Sqlite => (migration.up.for_sqlite(), migration.down.for_sqlite()),
        Engine::Postgres => (migration.up.for_postgres(), migration.down.for_postgres()),
    };
    let digest = Sha256::new()
        .chain_update(up.replace("\r\n", "\n"))
        .chain_update([0])
        .chain_update(down.replace("\r\n", "\n"))
        .finalize();
    hardening::hex::lower(&digest)
}

/// A row of the list.
struct Done {
    version: i64,
    name: String,
    checksum: String,
    at: Timestamp,
}

impl Done {
    fn of(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            version: row.int("version")?,
            name: row.text("name")?,
            checksum: row.text("checksum")?,
            at: row.time("applied_at")?,
        })
    }

    fn matches(&self, migration: &Migration, engine: Engine) -> bool {
        self.version == migration.version && self.checksum == checksum(migration, engine)
    }
}
