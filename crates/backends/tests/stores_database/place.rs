//! Databases that are looked at past the stores.

use std::sync::Arc;

use backends::sql::{Database, migrate};
use backends::stores::{OutboxCipher, SqlStore};
use hardening::entropy::OsEntropy;
use hardening::secret::Secret;
use tempfile::TempDir;
use testkit::contracts::stores::Stores;
use testkit::postgres::Postgres;
use tokio_postgres::NoTls;

/// A migrated database, and a way around the stores.
pub(crate) struct Place {
    pub(crate) database: Database,
    pub(crate) direct: Direct,
}

pub(crate) enum Direct {
    Sqlite(TempDir),
    Postgres(tokio_postgres::Client),
}

impl Place {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::open_sqlite(&folder.path().join("data.sqlite")).await.expect("it opens");
        migrate::up(&database).await.expect("the schema applies");
        Self { database, direct: Direct::Sqlite(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let url = Postgres::shared().fresh_database().await;
        let database = Database::connect_postgres(&url).await.expect("it connects");
        migrate::up(&database).await.expect("the schema applies");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it connects");
        tokio::spawn(connection);
        Self { database, direct: Direct::Postgres(client) }
    }

    pub(crate) fn with_key(&self, key: u8, audit_enabled: bool) -> Stores {
        let cipher = OutboxCipher::new(&Secret::new([key; 32]), None, Arc::new(OsEntropy));
        Stores::of(&Arc::new(SqlStore::new(self.database.clone(), cipher, audit_enabled)))
    }

    pub(crate) fn stores(&self) -> Stores {
        self.with_key(7, true)
    }

    /// Runs a script past the stores.
    pub(crate) async fn execute(&self, script: &str) -> Result<(), String> {
        match &self.direct {
            Direct::Sqlite(folder) => {
                let connection =
                    rusqlite::Connection::open(folder.path().join("data.sqlite")).expect("it opens");
                connection.execute_batch(script).map_err(|error| error.to_string())
            }
            Direct::Postgres(client) => client.batch_execute(script).await.map_err(|error| {
                error.as_db_error().map_or_else(|| error.to_string(), |refusal| refusal.message().to_owned())
            }),
        }
    }

    /// A number past the stores.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        self.database.row(sql, vec![]).await.expect("readable").expect("a row").int("n").expect("a number")
    }

    pub(crate) async fn refuses_in_the_database(&self, script: &str) {
        let refused = self.execute(script).await.expect_err(script);
        assert!(refused.contains("append-only"), "{script}: {refused}");
    }
}

/// Makes a test for each engine out of every named function.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::place::Place::sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::place::Place::postgres().await).await; })+
        }
    };
}

pub(crate) use on_both;
