//! Databases as SQLAlchemy and Alembic make them for the Python original.

use std::sync::Arc;

use backends::sql::{Database, Engine};
use backends::stores::{OutboxCipher, SqlStore};
use hardening::entropy::OsEntropy;
use hardening::secret::Secret;
use tempfile::TempDir;
use testkit::contracts::stores::Stores;
use testkit::postgres::Postgres;
use tokio_postgres::NoTls;

/// The original's tables, as `Base.metadata.create_all` emits them. `people` has columns that we do not know.
const ORIGINAL: &str = "
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('previous_migration');
CREATE TABLE organizations (
    id VARCHAR NOT NULL, name VARCHAR NOT NULL, region VARCHAR, config JSON NOT NULL, billing_plan VARCHAR(20) NOT NULL,
    created_at {datetime}, updated_at {datetime}, PRIMARY KEY (id));
CREATE TABLE people (
    id VARCHAR NOT NULL, org_id VARCHAR NOT NULL, name VARCHAR NOT NULL, email VARCHAR, password_hash VARCHAR,
    roles JSON, timezone VARCHAR, language VARCHAR(5), extra_data JSON NOT NULL, sms_opt_in BOOLEAN NOT NULL,
    reminders INTEGER DEFAULT 3 NOT NULL, created_at {datetime}, updated_at {datetime}, PRIMARY KEY (id),
    FOREIGN KEY(org_id) REFERENCES organizations (id), UNIQUE (email));
CREATE INDEX idx_people_org ON people (org_id);
CREATE TABLE teams (id VARCHAR NOT NULL, org_id VARCHAR NOT NULL, colour VARCHAR, PRIMARY KEY (id));
CREATE TABLE events (id VARCHAR NOT NULL, org_id VARCHAR NOT NULL, start_time {datetime} NOT NULL, PRIMARY KEY (id));
CREATE TABLE invitations (id VARCHAR NOT NULL, token VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE TABLE sessions (id INTEGER NOT NULL, PRIMARY KEY (id));
INSERT INTO teams VALUES ('team_old', 'org_old', 'red');
INSERT INTO organizations VALUES ('org_old', 'Old Church', NULL, '{\"a\": 1}', 'free', '2025-10-23 14:00:00.000000', '2025-10-23 14:00:00.123456');
INSERT INTO people VALUES
    ('person_ann', 'org_old', 'Ann', 'Ann.K@Example.COM', '$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG',
     '[\"admin\", \"volunteer\"]', 'Europe/Paris', 'fr', '{}', {true}, 1, '2025-10-23 14:00:00', '2025-10-23 15:00:00.000001'),
    ('person_bob', 'org_old', 'Bob', NULL, NULL, '[\"volunteer\"]', NULL, NULL, '{}', {false}, 2, NULL, NULL),
    ('person_cy', 'org_old', 'Cy', 'cy at home', NULL, NULL, NULL, NULL, '{}', {false}, 2, NULL, NULL);
";

/// What the original's security migration adds.
const SECURITY: &str = "
CREATE TABLE audit_logs (
    id VARCHAR NOT NULL, timestamp {datetime} NOT NULL, org_id VARCHAR NOT NULL, user_id VARCHAR NOT NULL,
    user_email VARCHAR NOT NULL, user_roles JSON NOT NULL, action VARCHAR NOT NULL, resource_type VARCHAR NOT NULL,
    resource_id VARCHAR NOT NULL, resource_name VARCHAR, changes JSON, ip_address VARCHAR, user_agent VARCHAR,
    request_id VARCHAR, status VARCHAR NOT NULL, error_message VARCHAR, PRIMARY KEY (id),
    FOREIGN KEY(org_id) REFERENCES organizations (id), FOREIGN KEY(user_id) REFERENCES people (id));
CREATE INDEX ix_audit_logs_timestamp ON audit_logs (timestamp);
CREATE INDEX idx_audit_org_timestamp ON audit_logs (org_id, timestamp);
CREATE INDEX idx_audit_resource ON audit_logs (resource_type, resource_id);
CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, timestamp);
CREATE TABLE user_security_settings (
    user_id VARCHAR NOT NULL, totp_secret VARCHAR, totp_enabled BOOLEAN, totp_verified_at {datetime},
    recovery_codes JSON, failed_login_attempts INTEGER, account_locked_until {datetime},
    last_password_change {datetime}, created_at {datetime} DEFAULT CURRENT_TIMESTAMP,
    updated_at {datetime} DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (user_id), FOREIGN KEY(user_id) REFERENCES people (id));
INSERT INTO user_security_settings (user_id, totp_enabled, failed_login_attempts) VALUES ('person_bob', NULL, NULL);
INSERT INTO audit_logs VALUES
    ('log_1', '2025-10-23 14:00:00.000001', 'org_old', 'person_ann', 'ann@example.com', '[\"admin\"]', 'auth.login',
     'session', 's1', NULL, 'null', NULL, NULL, NULL, 'success', NULL),
    ('log_2', '2025-10-23 14:00:00', 'org_old', 'person_ann', 'ann@example.com', '[]', 'auth.login',
     'session', 's1', NULL, NULL, NULL, NULL, NULL, 'success', NULL),
    ('log_3', '2025-10-23 15:00:00.000001', 'org_old', 'person_ann', 'ann@example.com', '[]', 'auth.login',
     'session', 's1', NULL, NULL, NULL, NULL, NULL, 'success', NULL);
";

/// A database that is not ours yet.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    direct: Direct,
}

enum Direct {
    Sqlite(TempDir),
    Postgres(tokio_postgres::Client),
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::open_sqlite(&folder.path().join("data.sqlite")).await.expect("it opens");
        Self { database, direct: Direct::Sqlite(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let url = Postgres::shared().fresh_database().await;
        let database = Database::connect_postgres(&url).await.expect("it connects");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it connects");
        tokio::spawn(connection);
        Self { database, direct: Direct::Postgres(client) }
    }

    /// With the original's tables, and those of its security migration.
    pub(crate) async fn original(&self) {
        self.execute(ORIGINAL).await.expect("the original's tables");
    }

    /// With those of its security migration, too.
    pub(crate) async fn secured(&self) {
        self.original().await;
        self.execute(SECURITY).await.expect("the original's security tables");
    }

    /// Runs a script past the stores.
    pub(crate) async fn execute(&self, script: &str) -> Result<(), String> {
        let sqlite = self.database.engine() == Engine::Sqlite;
        let script = script
            .replace("{datetime}", if sqlite { "DATETIME" } else { "TIMESTAMP WITHOUT TIME ZONE" })
            .replace("{true}", if sqlite { "1" } else { "TRUE" })
            .replace("{false}", if sqlite { "0" } else { "FALSE" });
        match &self.direct {
            Direct::Sqlite(folder) => {
                let connection =
                    rusqlite::Connection::open(folder.path().join("data.sqlite")).expect("it opens");
                connection.execute_batch(&script).map_err(|error| error.to_string())
            }
            Direct::Postgres(client) => {
                client.batch_execute(&script).await.map_err(|error| format!("{error:?}"))
            }
        }
    }

    pub(crate) fn stores(&self) -> Stores {
        let cipher = OutboxCipher::new(&Secret::new([7; 32]), None, Arc::new(OsEntropy));
        Stores::of(&Arc::new(SqlStore::new(self.database.clone(), cipher, true)))
    }

    /// The original's rows, in the original's columns.
    pub(crate) async fn rows(&self) -> String {
        let cast = "CAST(id AS TEXT) || '/' || COALESCE(CAST(email AS TEXT), '-') || '/' || \
                    COALESCE(password_hash, '-') || '/' || COALESCE(CAST(roles AS TEXT), '-') || '/' || \
                    COALESCE(CAST(updated_at AS TEXT), '-') || '/' || CAST(extra_data AS TEXT)";
        let sql: &'static str = Box::leak(
            format!("SELECT {cast} AS line FROM people WHERE org_id = 'org_old' ORDER BY id")
                .into_boxed_str(),
        );
        let rows = self.database.rows(sql, Vec::new()).await.expect("readable");
        rows.iter().map(|row| row.text("line").expect("text") + "\n").collect()
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        self.database.row(sql, vec![]).await.expect("readable").expect("a row").int("n").expect("a number")
    }
}

/// Makes a test for each engine out of every named function.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::fixture::Fixture::sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::fixture::Fixture::postgres().await).await; })+
        }
    };
}

pub(crate) use on_both;
