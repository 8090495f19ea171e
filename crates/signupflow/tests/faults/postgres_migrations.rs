//! Migrations that are killed, and migrations that meet.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::KEYS;
use crate::support::binary::Binary;
use crate::tools::rounds;
use backends::sql::migrate::{self, State};
use backends::sql::{Database, Sql};
use testkit::postgres::Postgres;
use testkit::process::{Program, RunningProgram};

/// Makes every change of the schema take its time, so that there is a middle.
const SLOW: &str = "CREATE SCHEMA slow; CREATE FUNCTION slow.down() RETURNS event_trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_sleep(0.01); END $$; \
     CREATE EVENT TRIGGER slow ON ddl_command_end EXECUTE FUNCTION slow.down()";

fn migrate_up(url: &str) -> RunningProgram {
    let program =
        Program::new(env!("CARGO_BIN_EXE_signupflow")).args(["migrate", "up"]).env("DATABASE_URL", url);
    KEYS.into_iter().fold(program, |program, (name, value)| program.env(name, value)).start()
}

/// Versions that are applied, and tables that are there.
async fn state(url: &str) -> (Vec<i64>, BTreeSet<String>) {
    let database = Database::connect_postgres_with(url, 1).await.expect("it connects");
    let all = migrate::status(&database).await.expect("readable");
    let applied = all.iter().filter(|one| matches!(one.state, State::Applied(_))).map(|one| one.version);
    let tables = Sql::same("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'");
    let tables = database.rows(tables, Vec::new()).await.expect("readable");
    let tables = tables.iter().map(|row| row.text("name").expect("text")).collect();
    database.close().await;
    (applied.collect(), tables)
}

async fn whole() -> (Vec<i64>, BTreeSet<String>) {
    let url = Postgres::shared().fresh_database().await;
    let database = Database::connect_postgres_with(&url, 1).await.expect("it connects");
    migrate::up(&database).await.expect("it applies");
    database.close().await;
    state(&url).await
}

/// F30: A migration killed in the middle has done nothing, and the next run completes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_killed_midway_is_completed_by_the_next_run() {
    let whole = whole().await;
    let mut interrupted = 0;
    // The moments are spread, so that one is in the middle.
    for round in 0..rounds().max(5) {
        let url = Postgres::shared().fresh_database().await;
        Postgres::shared().run(&url, SLOW).await;
        let mut program = migrate_up(&url);
        // A real process at an arbitrary moment, a little later in each round.
        tokio::time::sleep(Duration::from_millis(120 + 60 * u64::from(round % 10))).await;
        program.kill();
        let (applied, tables) = state(&url).await;
        let first_tables = applied.is_empty() != tables.contains("people");
        let second_tables = (applied.len() < 2) != tables.contains("audit_logs");
        assert!(first_tables && second_tables, "half a migration: {applied:?} {tables:?}");
        interrupted += u32::from(applied.len() < whole.0.len());

        let mut again = migrate_up(&url);
        let ended = again.wait_for_exit(Duration::from_mins(1)).await;
        assert!(ended.success(), "{}", again.stderr());
        assert_eq!(state(&url).await, whole, "round {round}");
        Postgres::shared().drop_database(&url).await;
    }
    assert!(interrupted > 0, "no round met the middle");
}

/// F30: Two nodes that start together and both migrate come up both; each migration is applied once.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_start_together_migrate_once() {
    let url = Postgres::shared().fresh_database().await;
    Postgres::shared().run(&url, SLOW).await;
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let (one, two) = tokio::join!(
        Binary::start_on_postgres(folders[0].path(), &url),
        Binary::start_on_postgres(folders[1].path(), &url),
    );
    assert_eq!(state(&url).await, whole().await);
    drop((one, two));
}
