//! How sessions lie in Redis, and how long.

use super::*;

#[tokio::test]
async fn sessions_lie_under_the_documented_keys_and_their_index_outlives_them() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisSessions::new(server.link().await);
    let long = sessions::session_of("person_1", now);
    let short = Session { expires_at: now + SECOND * 60, ..sessions::session_of("person_1", now) };
    for session in [&long, &short] {
        store.create(session, 5).await.expect("no fault");
    }
    let key = |session: &Session| format!("session:{{person_1}}:{}", session.id);
    let mut keys = server.keys();
    keys.sort();
    let mut expected = vec![key(&long), key(&short), "user_sessions:{person_1}".to_owned()];
    expected.sort();
    assert_eq!(keys, expected);
    let day = 24 * 3_600_000;
    let index = server.time_to_live("user_sessions:{person_1}");
    assert!((day..day + 180_000).contains(&index), "{index}");
    let idle = 30 * 60_000;
    assert!((idle..idle + 180_000).contains(&server.time_to_live(&key(&long))));
    assert!((60_000..60_000 + 180_000).contains(&server.time_to_live(&key(&short))));
}

#[tokio::test]
async fn using_a_session_lets_its_key_live_on() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisSessions::new(server.link().await);
    let session = sessions::session_of("person_1", now);
    store.create(&session, 5).await.expect("no fault");
    let key = format!("session:{{person_1}}:{}", session.id);
    for key in [key.as_str(), "user_sessions:{person_1}"] {
        server.0.ask::<()>(&["PEXPIRE", key, "100000"]);
    }
    store.resume("person_1", &session.id, now + SECOND * 31).await.expect("no fault").expect("live");
    for key in [key.as_str(), "user_sessions:{person_1}"] {
        assert!(server.time_to_live(key) > 1_800_000, "{key}");
    }
}

/// A page and all it asks for are one activity; but what is much of the idle time is noted each time.
#[tokio::test]
async fn activity_is_noted_once_a_second() {
    const MILLI: Duration = Duration::from_millis(1);
    let server = Server::start();
    let store = RedisSessions::new(server.link().await);
    for (idle, noted) in [(8 * 3600 * SECOND, SECOND), (Duration::ZERO, SECOND), (10 * SECOND, MILLI)] {
        let start = SystemClock.now();
        let given = Session {
            idle_timeout: idle,
            ..sessions::session_of(&format!("person_{}", idle.as_secs()), start)
        };
        store.create(&given, 5).await.expect("created");
        let stored_after = async |at: Timestamp| {
            store.resume(&given.person_id, &given.id, at).await.expect("an answer").expect("it is live");
            store.list_of(&given.person_id, at).await.expect("an answer")[0].last_activity
        };
        assert_eq!(stored_after(start + noted - MILLI).await, start, "{idle:?}");
        assert_eq!(stored_after(start + noted).await, start + noted, "{idle:?}");
        assert_eq!(stored_after(start + noted / 2).await, start + noted, "it never goes back");
    }
}

/// The script compares texts where activity was noted in the same second already, and numbers otherwise.
#[tokio::test]
async fn a_session_is_over_at_its_very_end_also_in_the_second_of_its_last_activity() {
    const MICRO: Duration = Duration::from_micros(1);
    let server = Server::start();
    let store = RedisSessions::new(server.link().await);
    let second = Timestamp::from_unix_seconds(SystemClock.now().micros() / 1_000_000);
    let resumed = async |given: &Session, at: Timestamp| {
        store.resume(&given.person_id, &given.id, at).await.expect("an answer").is_some()
    };
    for (number, (idle, lives)) in
        [(8 * 3600 * SECOND, 600), (Duration::ZERO, 600), (Duration::from_millis(400), 400)]
            .into_iter()
            .enumerate()
    {
        let end = second + Duration::from_millis(lives);
        let given = Session {
            idle_timeout: idle,
            expires_at: second + Duration::from_millis(600),
            ..sessions::session_of(&format!("person_{number}"), second)
        };
        store.create(&given, 5).await.expect("created");
        assert!(resumed(&given, second).await, "{idle:?}");
        assert!(idle == Duration::from_millis(400) || resumed(&given, end - MICRO).await, "{idle:?}");
        assert!(!resumed(&given, end).await, "{idle:?}");
        assert!(!resumed(&given, second).await, "{idle:?}: it is gone");
    }
}

#[tokio::test]
async fn what_one_node_ends_the_other_no_longer_resumes() {
    let (server, now) = (Server::start(), SystemClock.now());
    let (here, there) = (RedisSessions::new(server.link().await), RedisSessions::new(server.link().await));
    let [one, two, three] = [(); 3].map(|()| sessions::session_of("person_1", now));
    for session in [&one, &two, &three] {
        here.create(session, 5).await.expect("no fault");
        assert!(there.resume("person_1", &session.id, now).await.expect("no fault").is_some());
    }
    assert!(here.end("person_1", &one.id).await.expect("no fault"));
    assert_eq!(there.resume("person_1", &one.id, now).await, Ok(None));
    here.end_all_of("person_1", Some(&two.id)).await.expect("no fault");
    assert_eq!(there.resume("person_1", &three.id, now).await, Ok(None));
    assert!(there.resume("person_1", &two.id, now).await.expect("no fault").is_some());
    server.assert_every_key_goes_by_itself();
}

#[tokio::test]
async fn an_id_used_twice_is_a_fault_and_changes_nothing() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisSessions::new(server.link().await);
    let session = sessions::session_of("person_1", now);
    store.create(&session, 5).await.expect("no fault");
    let again = Session { org_id: "org_2".to_owned(), ..session.clone() };
    assert!(store.create(&again, 5).await.is_err());
    assert_eq!(store.resume("person_1", &session.id, now).await, Ok(Some(session)));
}
