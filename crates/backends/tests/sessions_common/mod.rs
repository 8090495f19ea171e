//! A write-through store on a migrated database that is gone when the test ends.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backends::embedded::WriteThroughSessions;
use backends::sql::{Database, Sql, Unit, Value, migrate};
use hardening::clock::{Clock as _, SystemClock};
use hardening::entropy::{OsEntropy, new_id};
use hardening::session::{Session, SessionStore};
use tempfile::TempDir;
use testkit::contracts::sessions::SessionBench;
use testkit::postgres::Postgres;

pub(crate) struct SqlBench {
    place: Place,
    database: Mutex<Database>,
    store: Mutex<WriteThroughSessions>,
}

enum Place {
    File(TempDir),
    Url(String),
}

impl SqlBench {
    pub(crate) async fn sqlite() -> Self {
        let place = Place::File(tempfile::tempdir().expect("a temporary folder"));
        let bench = Self::on(place).await;
        migrate::up(&bench.database()).await.expect("the schema applies");
        bench
    }

    pub(crate) async fn postgres() -> Self {
        let migrated = |url: String| async move {
            let database = Database::connect_postgres(&url).await.expect("it connects");
            migrate::up(&database).await.expect("the schema applies");
            database.close().await;
        };
        Self::on(Place::Url(Postgres::shared().fresh_database_from("sessions", migrated).await)).await
    }

    async fn on(place: Place) -> Self {
        let database = open(&place).await;
        let store = store_on(&database);
        Self { place, database: Mutex::new(database), store: Mutex::new(store) }
    }

    pub(crate) fn database(&self) -> Database {
        self.database.lock().expect("not poisoned").clone()
    }

    pub(crate) fn write_through(&self) -> WriteThroughSessions {
        self.store.lock().expect("not poisoned").clone()
    }

    /// Another store on the same database, as after a restart: with nothing in memory.
    pub(crate) fn another_store(&self) -> WriteThroughSessions {
        store_on(&self.database())
    }

    /// The process is gone without a goodbye, and a new one has started.
    pub(crate) async fn restart(&self) {
        let database = open(&self.place).await;
        *self.store.lock().expect("not poisoned") = store_on(&database);
        *self.database.lock().expect("not poisoned") = database;
    }

    pub(crate) async fn run(&self, sql: impl Into<Sql>, params: Vec<Value>) {
        let mut unit = Unit::housekeeping("test");
        unit.run(sql, params);
        self.database().commit(unit).await.expect("stored");
    }

    pub(crate) async fn rows_of(&self, person_id: &str) -> usize {
        let sql = "SELECT id FROM sessions WHERE person_id = $1";
        self.database().rows(sql, vec![person_id.into()]).await.expect("readable").len()
    }
}

async fn open(place: &Place) -> Database {
    match place {
        Place::File(folder) => Database::open_sqlite(&folder.path().join("data.sqlite")).await,
        Place::Url(url) => Database::connect_postgres(url).await,
    }
    .expect("it opens")
}

fn store_on(database: &Database) -> WriteThroughSessions {
    WriteThroughSessions::new(database.clone(), Arc::new(SystemClock))
}

#[async_trait]
impl SessionBench for SqlBench {
    fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.write_through())
    }

    async fn person(&self) -> String {
        let now = SystemClock.now();
        let id = new_id("person", now, &OsEntropy);
        let sql = "INSERT INTO people (id, org_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)";
        self.run(sql, vec![id.as_str().into(), "org_system".into(), "Bo".into(), now.into()]).await;
        id
    }

    /// Straight into the table: so the store has to find them there.
    async fn seed(&self, sessions: &[Session]) {
        let sql = "INSERT INTO sessions (id, person_id, created_at, expires_at, record) \
                   VALUES ($1, $2, $3, $4, $5)";
        for batch in sessions.chunks(1_000) {
            let mut unit = Unit::housekeeping("test");
            for session in batch {
                let record = serde_json::to_string(session).expect("JSON");
                let (id, person) = (session.id.as_str(), session.person_id.as_str());
                let times = [session.created_at, session.expires_at].map(Value::from);
                let [created, expires] = times;
                unit.run(sql, vec![id.into(), person.into(), created, expires, record.into()]);
            }
            self.database().commit(unit).await.expect("stored");
        }
    }
}
