//! [`Database`]: the one handle the stores hold, whatever the engine.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use hardening::clock::Timestamp;

use super::adoption::{self, Adaptation};
use super::error::SqlError;
use super::postgres::{PostgresDatabase, PostgresExclusive};
use super::row::Row;
use super::sqlite::{SqliteDatabase, SqliteExclusive};
use super::statement::Sql;
use super::stream::RowStream;
use super::unit::{Committed, Statement, Unit};
use super::value::Value;
use crate::names::Names;

/// Connections to PostgreSQL unless told otherwise.
pub const DEFAULT_CONNECTIONS: usize = 8;

/// Which engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A database. Clones share one pool and one writer. Needs a tokio runtime.
#[derive(Clone, Debug)]
pub struct Database {
    driver: Driver,
    /// How texts differ in a database that somebody else made.
    adaptation: Arc<RwLock<Option<Arc<Adaptation>>>>,
}

#[derive(Clone, Debug)]
enum Driver {
    Sqlite(Arc<SqliteDatabase>),
    Postgres(Arc<PostgresDatabase>),
}

impl Database {
    /// Opens or creates (mode 0600) a SQLite file. A commit is durable when it is reported: WAL with
    /// `synchronous=FULL`.
    ///
    /// # Errors
    /// [`SqlError::Unavailable`] when the file cannot be used.
    pub async fn open_sqlite(path: &Path) -> Result<Self, SqlError> {
        Self::of(Driver::Sqlite(Arc::new(SqliteDatabase::open(path).await?))).await
    }

    /// Connects to PostgreSQL with [`DEFAULT_CONNECTIONS`]; the `postgresql+DRIVER://` of
    /// `SQLAlchemy` is accepted.
    ///
    /// # Errors
    /// [`SqlError::Bad`] for a malformed URL, [`SqlError::Unavailable`] when the server does not answer.
    pub async fn connect_postgres(url: &str) -> Result<Self, SqlError> {
        Self::connect_postgres_with(url, DEFAULT_CONNECTIONS).await
    }

    /// Connects with at most `connections` (at least one).
    ///
    /// # Errors
    /// As [`Database::connect_postgres`].
    pub async fn connect_postgres_with(url: &str, connections: usize) -> Result<Self, SqlError> {
        Self::connect_postgres_by(url, connections, Names::default()).await
    }

    /// The same, with the server's name looked up there.
    ///
    /// # Errors
    /// As [`Database::connect_postgres`].
    pub async fn connect_postgres_by(url: &str, connections: usize, names: Names) -> Result<Self, SqlError> {
        Self::of(Driver::Postgres(Arc::new(PostgresDatabase::connect(url, connections, names).await?))).await
    }

    async fn of(driver: Driver) -> Result<Self, SqlError> {
        let database = Self { driver, adaptation: Arc::default() };
        database.adapt().await?;
        Ok(database)
    }

    /// Learns anew how texts differ here: after opening, and after migrations.
    pub(super) async fn adapt(&self) -> Result<(), SqlError> {
        let records = adoption::load(self).await?;
        let adaptation = Adaptation::of(self.engine(), &records).map(Arc::new);
        *self.adaptation.write().unwrap_or_else(PoisonError::into_inner) = adaptation;
        Ok(())
    }

    fn adapted(&self, sql: Sql) -> Sql {
        let adaptation = self.adaptation.read().unwrap_or_else(PoisonError::into_inner).clone();
        adaptation.map_or(sql, |adaptation| sql.adapted(self.engine(), &adaptation))
    }

    /// Which engine answers.
    pub const fn engine(&self) -> Engine {
        match self.driver {
            Driver::Sqlite(_) => Engine::Sqlite,
            Driver::Postgres(_) => Engine::Postgres,
        }
    }

    /// Stores a unit: all of it, durably, or nothing. Once the engine has taken it, it runs to its end even
    /// when the caller goes away.
    ///
    /// # Errors
    /// Any [`SqlError`]; only [`SqlError::Uncertain`] leaves open whether the unit was stored.
    pub async fn commit(&self, unit: Unit) -> Result<Committed, SqlError> {
        let mut statements = unit.into_statements()?;
        for statement in &mut statements {
            statement.sql = self.adapted(statement.sql);
        }
        match &self.driver {
            Driver::Sqlite(database) => database.commit(statements).await,
            Driver::Postgres(database) => database.commit(statements).await,
        }
    }

    /// All rows of a query that only reads.
    ///
    /// # Errors
    /// [`SqlError::Bad`] or [`SqlError::Unavailable`].
    pub async fn rows(&self, sql: impl Into<Sql>, params: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        params.iter().try_for_each(Value::check)?;
        let sql = self.adapted(sql.into());
        match &self.driver {
            Driver::Sqlite(database) => database.rows(sql.for_sqlite(), params).await,
            Driver::Postgres(database) => database.rows(sql.for_postgres(), params).await,
        }
    }

    /// The first row of a query that only reads.
    ///
    /// # Errors
    /// As [`Database::rows`].
    pub async fn row(&self, sql: impl Into<Sql>, params: Vec<Value>) -> Result<Option<Row>, SqlError> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// The rows of a long answer in constant memory. Starts at once; an error comes as the last item.
    pub fn stream(&self, sql: impl Into<Sql>, params: Vec<Value>) -> RowStream {
        let (out, rows) = RowStream::channel();
        let sql = self.adapted(sql.into());
        if let Err(error) = params.iter().try_for_each(Value::check) {
            // The channel is new and has room.
            let _ = out.try_send(Err(error));
            return rows;
        }
        match &self.driver {
            Driver::Sqlite(database) => database.stream(sql.for_sqlite(), params, out),
            Driver::Postgres(database) => database.stream(sql.for_postgres(), params, out),
        }
        rows
    }

    /// Prepares a statement on this engine without running it, and returns how many parameters it has: for
    /// the test that every statement of the product is valid on both. `guarded`: as a guarded statement.
    ///
    /// # Errors
    /// [`SqlError::Bad`] when the engine refuses the text.
    pub async fn prepare(&self, sql: impl Into<Sql>, guarded: bool) -> Result<usize, SqlError> {
        let sql = self.adapted(sql.into());
        match &self.driver {
            Driver::Sqlite(database) => database.prepare(sql.for_sqlite()).await,
            Driver::Postgres(database) => database.prepare(sql.for_postgres(), guarded).await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`SqlError::Unavailable`].
    pub async fn ping(&self) -> Result<(), SqlError> {
        self.rows(Sql::pair("SELECT 1 AS one", "SELECT 1::bigint AS one"), Vec::new()).await.map(|_| ())
    }

    /// The present by the server's clock; none from the embedded engine, which has no clock but ours.
    ///
    /// # Errors
    /// As [`Database::rows`].
    pub async fn time(&self) -> Result<Option<Timestamp>, SqlError> {
        if self.engine() == Engine::Sqlite {
            return Ok(None);
        }
        let row = self.row("SELECT clock_timestamp() AS now", Vec::new()).await?;
        row.map(|row| row.time("now")).transpose()
    }

    /// Reads the file of trusted authorities (`sslrootcert`) anew, for connections from now on; those that are open
    /// go on. Nothing to do for the embedded engine.
    ///
    /// # Errors
    /// [`SqlError::Bad`] when the file is no good; then the authorities from before stay trusted.
    pub fn reload_authorities(&self) -> Result<(), SqlError> {
        match &self.driver {
            Driver::Sqlite(_) => Ok(()),
            Driver::Postgres(database) => database.reload_authorities(),
        }
    }

    /// When the certificate ends that the server showed last; none without TLS.
    pub fn certificate_end(&self) -> Option<Timestamp> {
        match &self.driver {
            Driver::Sqlite(_) => None,
            Driver::Postgres(database) => database.certificate_end(),
        }
    }

    /// Ends it for all clones: what is queued is stored first, then SQLite's log is emptied. Later calls get
    /// [`SqlError::Unavailable`].
    pub async fn close(self) {
        match &self.driver {
            Driver::Sqlite(database) => database.close().await,
            Driver::Postgres(database) => database.close(),
        }
    }

    /// A transaction that keeps every other migration out.
    pub(super) async fn exclusive(&self) -> Result<Exclusive, SqlError> {
        match &self.driver {
            Driver::Sqlite(database) => database.exclusive().await.map(Exclusive::Sqlite),
            Driver::Postgres(database) => database.exclusive().await.map(Exclusive::Postgres),
        }
    }
}

/// Undone unless committed.
pub(super) enum Exclusive {
    Sqlite(SqliteExclusive),
    Postgres(PostgresExclusive),
}

impl Exclusive {
    /// Runs several statements without parameters.
    pub(super) async fn script(&mut self, sql: Sql) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(transaction) => transaction.script(sql.for_sqlite().into()).await,
            Self::Postgres(transaction) => transaction.script(sql.for_postgres()).await,
        }
    }

    /// Runs one statement without parameters that was put together here.
    pub(super) async fn text(&mut self, text: String) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(transaction) => transaction.script(text.into()).await,
            Self::Postgres(transaction) => transaction.script(&text).await,
        }
    }

    /// All rows of a query, seeing what this transaction has done.
    pub(super) async fn rows(&mut self, sql: Sql, params: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        match self {
            Self::Sqlite(transaction) => transaction.rows(sql.for_sqlite(), params).await,
            Self::Postgres(transaction) => transaction.rows(sql.for_postgres(), params).await,
        }
    }

    /// Runs one statement.
    pub(super) async fn run(&mut self, sql: Sql, params: Vec<Value>) -> Result<u64, SqlError> {
        let statement = Statement { sql, params, guard: None };
        match self {
            Self::Sqlite(transaction) => transaction.run(statement).await,
            Self::Postgres(transaction) => transaction.run(statement).await,
        }
    }

    /// Makes it all last.
    pub(super) async fn commit(self) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
