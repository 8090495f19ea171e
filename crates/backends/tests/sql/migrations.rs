//! Up, down, killed in the middle, two at once, changed files.

use backends::sql::migrate::{self, Migration, State, down_of, pending_of, status_of, up_of};
use backends::sql::{Sql, SqlError};

use crate::harness::{Fixture, is_bad};

const FIRST: Migration = Migration {
    version: 1,
    name: "first",
    up: Sql::same("CREATE TABLE one (id TEXT PRIMARY KEY); CREATE TABLE two (id TEXT PRIMARY KEY);"),
    down: Sql::same("DROP TABLE two; DROP TABLE one;"),
};
const SECOND: Migration = Migration {
    version: 2,
    name: "second",
    up: Sql::same("CREATE TABLE three (id TEXT PRIMARY KEY); INSERT INTO one (id) VALUES ('a');"),
    down: Sql::same("DROP TABLE three; DELETE FROM one;"),
};
const BROKEN: Migration = Migration {
    version: 2,
    name: "broken",
    up: Sql::same("CREATE TABLE half (id TEXT); INSERT INTO one (id) VALUES ('half'); SELECT absent;"),
    down: Sql::same("SELECT 1;"),
};
const BOTH: &[Migration] = &[FIRST, SECOND];

macro_rules! on_empty {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::Fixture::empty_sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::Fixture::empty_postgres().await).await; })+
        }
    };
}

on_empty!(
    up_names_the_tables_it_made_and_down_those_it_removed,
    down_goes_back_step_by_step,
    a_failing_script_leaves_nothing_and_can_be_run_again,
    one_that_is_dropped_in_the_middle_can_be_run_again,
    two_at_once_apply_each_migration_once,
    changed_newer_and_reordered_ones_are_refused,
    the_products_own_schema_goes_up_and_down,
);

async fn up_names_the_tables_it_made_and_down_those_it_removed(fixture: Fixture) {
    let database = &fixture.database;
    assert_eq!(pending_of(database, BOTH).await.expect("readable").len(), 2);
    let applied = up_of(database, BOTH).await.expect("applies");
    assert_eq!(applied[0].tables, ["one", "two"]);
    assert_eq!((applied[1].version, applied[1].name.as_str()), (2, "second"));
    assert_eq!(applied[1].tables, ["three"]);
    assert_eq!(up_of(database, BOTH).await, Ok(vec![]));
    let status = status_of(database, BOTH).await.expect("readable");
    assert!(status.iter().all(|one| matches!(one.state, State::Applied(_))));
    let reverted = down_of(database, BOTH, None).await.expect("goes back");
    assert_eq!(reverted[0].tables, ["three"]);
    assert_eq!(reverted[1].tables, ["one", "two"]);
    assert!(is_bad(&database.rows("SELECT version FROM signupflow_migrations", vec![]).await));
}

async fn down_goes_back_step_by_step(fixture: Fixture) {
    let database = &fixture.database;
    up_of(database, BOTH).await.expect("applies");
    assert_eq!(down_of(database, BOTH, Some(0)).await, Ok(vec![]));
    assert_eq!(down_of(database, BOTH, Some(1)).await.expect("goes back").len(), 1);
    let pending = pending_of(database, BOTH).await.expect("readable");
    assert_eq!(pending.iter().map(|one| one.version).collect::<Vec<_>>(), [2]);
    assert_eq!(up_of(database, BOTH).await.expect("applies again").len(), 1);
    assert_eq!(down_of(database, BOTH, Some(9)).await.expect("goes back").len(), 2);
    assert_eq!(down_of(database, BOTH, None).await, Ok(vec![]));
}

async fn a_failing_script_leaves_nothing_and_can_be_run_again(fixture: Fixture) {
    let database = &fixture.database;
    let outcome = up_of(database, &[FIRST, BROKEN]).await;
    let Err(SqlError::Bad(text)) = &outcome else { panic!("{outcome:?}") };
    assert!(text.contains("migration 2 broken"), "{text}");
    assert!(database.rows("SELECT id FROM one", vec![]).await.expect("the first stays").is_empty());
    assert!(is_bad(&database.rows("SELECT id FROM half", vec![]).await));
    assert_eq!(up_of(database, BOTH).await.expect("the repaired one applies").len(), 1);
}

async fn one_that_is_dropped_in_the_middle_can_be_run_again(fixture: Fixture) {
    let database = &fixture.database;
    for at in 0..20 {
        let limit = std::time::Duration::from_micros(at * 400);
        let _ = tokio::time::timeout(limit, up_of(database, BOTH)).await;
    }
    up_of(database, BOTH).await.expect("applies what is left");
    let status = status_of(database, BOTH).await.expect("readable");
    assert!(status.iter().all(|one| matches!(one.state, State::Applied(_))));
    assert_eq!(database.rows("SELECT id FROM one", vec![]).await.expect("readable").len(), 1);
}

async fn two_at_once_apply_each_migration_once(fixture: Fixture) {
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let other = fixture.another().await;
        tasks.push(tokio::spawn(async move { up_of(&other, BOTH).await }));
    }
    let mut applied = 0;
    for task in tasks {
        applied += task.await.expect("no panic").expect("applies or finds it done").len();
    }
    assert_eq!(applied, 2);
}

async fn changed_newer_and_reordered_ones_are_refused(fixture: Fixture) {
    let database = &fixture.database;
    up_of(database, BOTH).await.expect("applies");
    let mut changed = SECOND;
    changed.up = Sql::same("CREATE TABLE other (id TEXT);");
    let lists: [(&[Migration], &str); 3] =
        [(&[FIRST, changed], "changed"), (&[FIRST], "newer"), (&[SECOND, FIRST], "order")];
    for (list, reason) in lists {
        for outcome in
            [up_of(database, list).await.map(|_| ()), down_of(database, list, None).await.map(|_| ())]
        {
            let Err(SqlError::Bad(text)) = outcome else { panic!("{reason}: {outcome:?}") };
            assert!(text.contains(reason), "{text}");
        }
    }
    let status = status_of(database, &[FIRST, changed]).await.expect("readable");
    assert!(matches!(status[1].state, State::Changed(_)));
    let status = status_of(database, &[FIRST]).await.expect("readable");
    assert!(matches!(status[1].state, State::Unknown(_)));
}

async fn the_products_own_schema_goes_up_and_down(fixture: Fixture) {
    let database = &fixture.database;
    for _ in 0..2 {
        let applied = migrate::up(database).await.expect("applies");
        assert_eq!(applied.len(), migrate::ALL.len());
        assert!(migrate::pending(database).await.expect("readable").is_empty());
        let made: usize = applied.iter().map(|one| one.tables.len()).sum();
        let reverted = migrate::down(database, None).await.expect("goes back");
        assert_eq!(reverted.iter().map(|one| one.tables.len()).sum::<usize>(), made);
    }
}
