//! One database per test, on either engine, with a small schema of its own.

use std::path::PathBuf;
use std::sync::OnceLock;

use backends::sql::migrate::{self, Migration};
use backends::sql::{Database, Row, Sql, SqlError, Unit, Value};
use tempfile::TempDir;
use testkit::pgbouncer::PgBouncer;
use testkit::postgres::Postgres;

pub(crate) const SCHEMA: Migration = Migration {
    version: 1,
    name: "items",
    up: Sql::pair(
        "CREATE TABLE items (id TEXT PRIMARY KEY, label TEXT UNIQUE, parent TEXT REFERENCES items (id), \
           n INTEGER NOT NULL DEFAULT 0 CHECK (n >= 0)) STRICT;
         CREATE TABLE samples (id TEXT PRIMARY KEY, truth INTEGER, number INTEGER, words TEXT, \
           octets BLOB, moment TEXT, document TEXT) STRICT;",
        "CREATE TABLE items (id TEXT PRIMARY KEY, label TEXT UNIQUE, parent TEXT REFERENCES items (id), \
           n BIGINT NOT NULL DEFAULT 0 CHECK (n >= 0));
         CREATE TABLE samples (id TEXT PRIMARY KEY, truth BOOLEAN, number BIGINT, words TEXT, \
           octets BYTEA, moment TIMESTAMPTZ, document JSONB);",
    ),
    down: Sql::same("DROP TABLE samples; DROP TABLE items;"),
};

pub(crate) const INSERT: &str = "INSERT INTO items (id, label, n) VALUES ($1, $2, $3)";

/// A database that is gone when the test ends.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    File(TempDir),
    Url(String),
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let fixture = Self::empty_sqlite().await;
        migrate::up_of(&fixture.database, &[SCHEMA]).await.expect("the schema applies");
        fixture
    }

    pub(crate) async fn postgres() -> Self {
        let fixture = Self::empty_postgres().await;
        migrate::up_of(&fixture.database, &[SCHEMA]).await.expect("the schema applies");
        fixture
    }

    pub(crate) async fn pgbouncer() -> Self {
        static POOLER: OnceLock<PgBouncer> = OnceLock::new();
        let pooler = POOLER.get_or_init(|| PgBouncer::before(Postgres::shared()));
        let url = pooler.url(&Postgres::shared().fresh_database().await);
        let database = Database::connect_postgres(&url).await.expect("it connects");
        migrate::up_of(&database, &[SCHEMA]).await.expect("the schema applies");
        Self { database, place: Place::Url(url) }
    }

    pub(crate) async fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::open_sqlite(&folder.path().join("data.sqlite")).await.expect("it opens");
        Self { database, place: Place::File(folder) }
    }

    pub(crate) async fn empty_postgres() -> Self {
        let url = Postgres::shared().fresh_database().await;
        let database = Database::connect_postgres(&url).await.expect("it connects");
        Self { database, place: Place::Url(url) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.place {
            Place::File(folder) => folder.path().join("data.sqlite"),
            Place::Url(_) => panic!("not a file"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        match &self.place {
            Place::File(_) => panic!("not a server"),
            Place::Url(url) => url,
        }
    }

    /// A second handle, as another process would have.
    pub(crate) async fn another(&self) -> Database {
        match &self.place {
            Place::File(_) => Database::open_sqlite(&self.path()).await.expect("it opens"),
            Place::Url(url) => Database::connect_postgres(url).await.expect("it connects"),
        }
    }

    pub(crate) async fn count(&self) -> i64 {
        number(&self.database, "SELECT count(*) AS n FROM items").await
    }

    pub(crate) async fn has(&self, id: &str) -> bool {
        let rows = self.database.rows("SELECT id FROM items WHERE id = $1", vec![id.into()]).await;
        !rows.expect("readable").is_empty()
    }
}

pub(crate) async fn number(database: &Database, sql: &'static str) -> i64 {
    one(database, sql).await.int("n").expect("a number")
}

pub(crate) async fn one(database: &Database, sql: &'static str) -> Row {
    database.row(sql, Vec::new()).await.expect("readable").expect("a row")
}

/// Upkeep, so that the seam can be tested without a trail.
pub(crate) fn unit() -> Unit {
    Unit::housekeeping("test")
}

pub(crate) fn insert(id: &str) -> Unit {
    let mut unit = unit();
    unit.run(INSERT, item(id));
    unit
}

pub(crate) fn item(id: &str) -> Vec<Value> {
    vec![id.into(), Value::Null, 0_i64.into()]
}

pub(crate) fn is_bad<T>(outcome: &Result<T, SqlError>) -> bool {
    matches!(outcome, Err(SqlError::Bad(_)))
}

pub(crate) fn is_unavailable<T>(outcome: &Result<T, SqlError>) -> bool {
    matches!(outcome, Err(SqlError::Unavailable(_)))
}

/// Makes a test for each engine, and for PostgreSQL behind a transaction pooler, out of every named function.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::harness::Fixture::sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::harness::Fixture::postgres().await).await; })+
        }
        mod on_pgbouncer {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::harness::Fixture::pgbouncer().await).await; })+
        }
    };
}
