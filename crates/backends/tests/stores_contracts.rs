//! The contract suites of the storage ports, on SQLite and on a throwaway PostgreSQL, also behind
//! a pooler in transaction mode.

use std::sync::{Arc, OnceLock};

use backends::sql::{Database, migrate};
use backends::stores::{OutboxCipher, SqlStore, statements};
use hardening::entropy::OsEntropy;
use hardening::secret::Secret;
use tempfile::TempDir;
use testkit::contracts::stores::Stores;
use testkit::contracts::{
    accounts, audit_log, erasure, groups, organizations, outbox, password_resets, people, two_factor,
};
use testkit::pgbouncer::PgBouncer;
use testkit::postgres::Postgres;

/// A migrated database of a test's own.
enum Place {
    File(TempDir),
    Url(String),
}

impl Place {
    async fn sqlite() -> Self {
        let place = Self::File(tempfile::tempdir().expect("a temporary folder"));
        let database = place.database().await;
        migrate::up(&database).await.expect("the schema applies");
        // Emptying the log keeps other handles waiting.
        database.close().await;
        place
    }

    async fn postgres() -> Self {
        let url = Postgres::shared()
            .fresh_database_from("stores", |url| async move {
                let database = Database::connect_postgres(&url).await.expect("it connects");
                migrate::up(&database).await.expect("the schema applies");
                database.close().await;
            })
            .await;
        Self::Url(url)
    }

    /// Through a pooler in transaction mode.
    async fn pgbouncer() -> Self {
        static POOLER: OnceLock<PgBouncer> = OnceLock::new();
        let pooler = POOLER.get_or_init(|| PgBouncer::before(Postgres::shared()));
        let url = pooler.url(&Postgres::shared().fresh_database().await);
        let database = Database::connect_postgres(&url).await.expect("it connects");
        migrate::up(&database).await.expect("the schema applies");
        Self::Url(url)
    }

    /// A handle as another process would have.
    async fn database(&self) -> Database {
        match self {
            Self::File(folder) => Database::open_sqlite(&folder.path().join("data.sqlite")).await,
            Self::Url(url) => Database::connect_postgres(url).await,
        }
        .expect("it opens")
    }

    async fn stores(&self) -> Stores {
        let cipher = OutboxCipher::new(&Secret::new([7; 32]), None, Arc::new(OsEntropy));
        Stores::of(&Arc::new(SqlStore::new(self.database().await, cipher, true)))
    }
}

macro_rules! suites {
    ($($engine:ident),+) => {
        $(mod $engine {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn accounts() {
                super::accounts::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn people() {
                super::people::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn erasure() {
                super::erasure::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn organizations() {
                super::organizations::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn groups() {
                super::groups::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn audit_log() {
                super::audit_log::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn two_factor() {
                super::two_factor::all(&Place::$engine().await.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn outbox() {
                let place = Place::$engine().await;
                super::outbox::all(&place.stores().await, &place.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn password_resets() {
                let place = Place::$engine().await;
                super::password_resets::all(&place.stores().await, &place.stores().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn every_statement_is_valid() {
                let place = Place::$engine().await;
                let database = place.database().await;
                let texts = statements();
                assert!(texts.len() > 100, "{} statements", texts.len());
                for text in texts {
                    let prepared = database.prepare(text.sql, text.guarded).await;
                    assert!(prepared.is_ok(), "{}: {prepared:?}", text.name);
                }
            }
        })+
    };
}

suites!(sqlite, postgres, pgbouncer);
