//! Restarts, races between reading and ending, and a database that is away.

use std::sync::Arc;
use std::time::Duration;

use hardening::clock::{Clock as _, SystemClock};
use hardening::fault::Fault;
use hardening::session::{Session, SessionStore};
use testkit::contracts::sessions::{SessionBench as _, session_of};
use tokio::sync::Barrier;

use crate::bench::SqlBench;

const MINUTE: Duration = Duration::from_mins(1);

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() { super::$name(crate::bench::SqlBench::sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() { super::$name(crate::bench::SqlBench::postgres().await).await; })+
        }
    };
}

on_both!(
    a_restart_keeps_sessions_and_brings_no_ended_one_back,
    last_activity_is_written_down_by_a_flush,
    writing_activity_down_changes_nothing_else_and_revives_nothing,
    an_older_epoch_in_the_database_ends_a_session,
    a_listed_ending_ends_a_session_whose_row_is_there,
    rows_not_in_memory_count_for_the_bound,
    who_reads_while_another_ends_brings_nothing_back,
    a_change_goes_on_when_its_caller_goes_away,
    a_database_that_is_away_is_a_fault_and_never_a_no,
    expired_rows_are_removed,
    an_unreadable_record_is_an_ended_session,
    a_person_without_a_row_has_no_sessions,
    what_not_both_engines_can_store_is_refused,
);

async fn a_restart_keeps_sessions_and_brings_no_ended_one_back(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let sessions: Vec<Session> = (0..6).map(|_| session_of(&person, now)).collect();
    let mut newer = session_of(&person, now);
    newer.credential_epoch = 1;
    let store = bench.write_through();
    for session in sessions.iter().chain([&newer]) {
        store.create(session, 10).await.expect("created");
    }
    assert!(store.end(&person, &sessions[0].id).await.expect("no fault"));
    assert!(store.mark_authenticated(&person, &sessions[1].id, now + MINUTE).await.expect("no fault"));
    bench.restart().await;
    let store = bench.write_through();
    assert_eq!(store.in_memory(), 0, "starting reads nothing");
    assert_eq!(store.resume(&person, &sessions[0].id, now).await, Ok(None));
    let marked = store.resume(&person, &sessions[1].id, now).await.expect("no fault").expect("live");
    assert_eq!(marked, Session { authenticated_at: now + MINUTE, ..sessions[1].clone() });
    assert_eq!(store.list_of(&person, now).await.expect("no fault").len(), 6);

    assert_eq!(store.end_older_epochs(&person, 1).await.expect("no fault").len(), 5);
    bench.restart().await;
    let ids = |sessions: Vec<Session>| sessions.into_iter().map(|s| s.id).collect::<Vec<_>>();
    let listed = bench.write_through().list_of(&person, now).await.expect("no fault");
    assert_eq!(ids(listed), [newer.id.clone()]);

    let displacing = session_of(&person, now + MINUTE);
    let displaced = bench.write_through().create(&displacing, 1).await;
    assert_eq!(displaced, Ok(vec![newer.id]));
    bench.restart().await;
    let listed = bench.write_through().list_of(&person, now).await.expect("no fault");
    assert_eq!(ids(listed), std::slice::from_ref(&displacing.id));

    assert_eq!(bench.write_through().end_all_of(&person, None).await, Ok(vec![displacing.id]));
    bench.restart().await;
    assert_eq!(bench.write_through().list_of(&person, now).await, Ok(vec![]));
}

async fn last_activity_is_written_down_by_a_flush(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let session = session_of(&person, now);
    let store = bench.write_through();
    store.create(&session, 5).await.expect("created");
    let used_at = now + MINUTE;
    store.resume(&person, &session.id, used_at).await.expect("no fault").expect("live");
    let activity = async || {
        bench.restart().await;
        let listed = bench.write_through().list_of(&person, now).await.expect("no fault");
        listed[0].last_activity
    };
    assert_eq!(activity().await, now, "using a session costs no write");
    store.shutdown().await.expect("written");
    assert_eq!(activity().await, used_at);
}

async fn writing_activity_down_changes_nothing_else_and_revives_nothing(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let [stays, ended] = [session_of(&person, now), session_of(&person, now)];
    let store = bench.write_through();
    for session in [&stays, &ended] {
        store.create(session, 5).await.expect("created");
        store.resume(&person, &session.id, now + MINUTE).await.expect("no fault").expect("live");
    }
    assert!(store.mark_authenticated(&person, &stays.id, now + MINUTE).await.expect("no fault"));
    // Another handle deletes the row that this one is about to update.
    assert!(bench.another_store().end(&person, &ended.id).await.expect("no fault"));
    store.flush().await.expect("written");
    bench.restart().await;
    let listed = bench.write_through().list_of(&person, now).await.expect("no fault");
    assert_eq!(listed, [Session { authenticated_at: now + MINUTE, last_activity: now + MINUTE, ..stays }]);
}

async fn an_older_epoch_in_the_database_ends_a_session(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let mut sessions = [session_of(&person, now), session_of(&person, now)];
    sessions[1].credential_epoch = 4;
    bench.seed(&sessions).await;
    let sql = "INSERT INTO user_security_settings (user_id, credential_epoch) VALUES ($1, $2)";
    bench.run(sql, vec![person.as_str().into(), 4_i64.into()]).await;
    let store = bench.write_through();
    assert_eq!(store.resume(&person, &sessions[0].id, now).await, Ok(None));
    assert!(store.resume(&person, &sessions[1].id, now).await.expect("no fault").is_some());
}

async fn a_listed_ending_ends_a_session_whose_row_is_there(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let sessions = [session_of(&person, now), session_of(&person, now)];
    bench.seed(&sessions).await;
    let sql = "INSERT INTO ended_sessions (id, person_id, ended_at, expires_at) VALUES ($1, $2, $3, $3)";
    bench.run(sql, vec![sessions[0].id.as_str().into(), person.as_str().into(), now.into()]).await;
    let store = bench.write_through();
    assert_eq!(store.resume(&person, &sessions[0].id, now).await, Ok(None));
    assert!(store.resume(&person, &sessions[1].id, now).await.expect("no fault").is_some());
}

async fn rows_not_in_memory_count_for_the_bound(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let old: Vec<Session> = (0..5).map(|age| session_of(&person, now - MINUTE * age)).collect();
    bench.seed(&old).await;
    let displaced = bench.write_through().create(&session_of(&person, now), 5).await;
    assert_eq!(displaced, Ok(vec![old[4].id.clone()]));
    assert_eq!(bench.rows_of(&person).await, 5);
}

/// With nothing in memory, four readers of the person and one ending start at the same moment.
async fn who_reads_while_another_ends_brings_nothing_back(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    for round in 0..100 {
        let session = session_of(&person, now);
        bench.seed(std::slice::from_ref(&session)).await;
        let store = bench.another_store();
        let start = Arc::new(Barrier::new(5));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (store, session, start) = (store.clone(), session.clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    store.resume(&session.person_id, &session.id, now).await.expect("no fault")
                })
            })
            .collect();
        start.wait().await;
        assert!(store.end(&person, &session.id).await.expect("no fault"));
        let after = store.resume(&person, &session.id, now).await;
        assert_eq!(after, Ok(None), "round {round}");
        for reader in readers {
            reader.await.expect("no panic");
        }
        assert_eq!(store.resume(&person, &session.id, now).await, Ok(None), "round {round}, later");
    }
}

async fn a_change_goes_on_when_its_caller_goes_away(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    for round in 0..20 {
        let session = session_of(&person, now);
        let store = bench.write_through();
        store.create(&session, 100).await.expect("created");
        let ending = tokio::time::timeout(Duration::from_micros(50 * round), store.end(&person, &session.id));
        // Whether it was in time does not matter: what was begun is done in memory and SQL alike.
        let _ = ending.await;
        let agree = async || {
            let at = (&session.id, now);
            let in_memory = store.resume(&person, at.0, at.1).await.expect("no fault").is_some();
            let fresh = bench.another_store();
            in_memory == fresh.resume(&person, at.0, at.1).await.expect("no fault").is_some()
        };
        let mut looks = 0;
        while !agree().await {
            looks += 1;
            assert!(looks < 1_000, "round {round}: memory and SQL parted");
            tokio::task::yield_now().await;
        }
    }
}

async fn a_database_that_is_away_is_a_fault_and_never_a_no(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let session = session_of(&person, now);
    let store = bench.write_through();
    store.create(&session, 5).await.expect("created");
    store.resume(&person, &session.id, now + MINUTE).await.expect("no fault").expect("live");
    let empty = bench.another_store();
    bench.database().close().await;

    let id = &session.id;
    let new = session_of(&person, now);
    let away = |outcome: Result<(), Fault>| matches!(outcome, Err(Fault::Unavailable { .. }));
    assert!(away(empty.resume(&person, id, now).await.map(drop)));
    assert!(away(empty.list_of(&person, now).await.map(drop)));
    for store in [&store, &empty] {
        assert!(away(store.create(&new, 5).await.map(drop)));
        assert!(away(store.mark_authenticated(&person, id, now).await.map(drop)));
        assert!(away(store.end(&person, id).await.map(drop)));
        assert!(away(store.end_all_of(&person, None).await.map(drop)));
        assert!(away(store.end_older_epochs(&person, 1).await.map(drop)));
    }
    assert!(away(store.flush().await), "what is not written is still to be written");
    assert!(away(store.flush().await));
    let known = store.list_of(&person, now).await.expect("memory knows");
    let expected = Session { last_activity: now + MINUTE, ..session };
    assert_eq!(known, [expected], "what failed changed nothing");
}

async fn expired_rows_are_removed(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let [mut over, live] = [session_of(&person, now - MINUTE), session_of(&person, now)];
    over.expires_at = now;
    bench.seed(&[over, live]).await;
    let store = bench.write_through();
    assert_eq!(store.list_of(&person, now - MINUTE).await.expect("no fault").len(), 2);
    assert_eq!(store.remove_expired(now).await, Ok(1));
    assert_eq!((store.in_memory(), bench.rows_of(&person).await), (1, 1));
}

async fn an_unreadable_record_is_an_ended_session(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let sessions = [session_of(&person, now), session_of(&person, now)];
    bench.seed(&sessions).await;
    let sql = "UPDATE sessions SET record = $2 WHERE id = $1";
    bench.run(sql, vec![sessions[0].id.as_str().into(), "{}".into()]).await;
    let store = bench.write_through();
    assert_eq!(store.resume(&person, &sessions[0].id, now).await, Ok(None));
    assert!(store.resume(&person, &sessions[1].id, now).await.expect("no fault").is_some());
}

async fn a_person_without_a_row_has_no_sessions(bench: SqlBench) {
    let now = SystemClock.now();
    let session = session_of("person_nobody", now);
    let store = bench.write_through();
    assert!(matches!(store.create(&session, 5).await, Err(Fault::Internal(_))));
    assert_eq!(store.resume("person_nobody", &session.id, now).await, Ok(None));
    assert_eq!(store.in_memory(), 0);
}

async fn what_not_both_engines_can_store_is_refused(bench: SqlBench) {
    let (person, now) = (bench.person().await, SystemClock.now());
    let mut session = session_of(&person, now);
    session.client.browser = "a\0b".into();
    let store = bench.write_through();
    assert!(matches!(store.create(&session, 5).await, Err(Fault::Internal(_))));
    assert_eq!(store.resume(&person, &session.id, now).await, Ok(None));
    // A backslash and the same letters are ordinary text.
    session.client.browser = "a\\u0000b".into();
    store.create(&session, 5).await.expect("created");
    store.resume(&person, &session.id, now).await.expect("no fault").expect("live");
    store.flush().await.expect("written");
    bench.restart().await;
    assert_eq!(bench.write_through().list_of(&person, now).await, Ok(vec![session]));
}
