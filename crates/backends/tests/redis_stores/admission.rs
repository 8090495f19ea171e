//! A request is admitted in one step: its session and the limits of its person.

use super::*;

/// A store that must not be asked.
struct NeverAsked;

#[async_trait]
impl QuotaStore for NeverAsked {
    async fn take(&self, _: &[(String, Quota)], _: Timestamp) -> Result<Decision, Fault> {
        Err(Fault::internal("asked"))
    }
}

#[tokio::test]
async fn a_request_is_admitted_in_one_step_like_in_two() {
    let (server, start) = (Server::start(), SystemClock.now());
    let link = server.link().await;
    let (sessions, quotas) = (RedisSessions::new(link.clone()), RedisQuotas::new(link));
    let [one, two] = ["person_1", "person_2"].map(|person| sessions::session_of(person, start));
    for session in [&one, &two] {
        sessions.create(session, 5).await.expect("no fault");
    }
    for number in 0..12 {
        let now = start + SECOND * 3 * number;
        let (a, b) = (quotas_of("person_1", [5, 3]), quotas_of("person_2", [5, 3]));
        let (session, decision) =
            sessions.resume_and_take("person_1", &one.id, now, &a, &NeverAsked).await.expect("no fault");
        let expected = Session { last_activity: now, ..one.clone() };
        assert_eq!(session.as_deref(), Some(&expected));
        assert_eq!(decision, Some(quotas.take(&b, now).await.expect("no fault")), "request {number}");
    }
    server.assert_every_key_goes_by_itself();
}

#[tokio::test]
async fn without_a_live_session_nothing_is_taken() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisSessions::new(server.link().await);
    let session = sessions::session_of("person_1", now);
    store.create(&session, 5).await.expect("no fault");
    let quotas = quotas_of("person_1", [1, 1]);
    let over = session.expires_at;
    for (id, now) in [(&SessionId::generate(&OsEntropy), now), (&session.id, over)] {
        let admitted = store.resume_and_take("person_1", id, now, &quotas, &NeverAsked).await;
        assert_eq!(admitted, Ok((None, None)));
    }
    assert!(server.keys().iter().all(|key| !key.starts_with("rate_limit")));
}

#[tokio::test]
async fn quotas_of_other_slots_are_taken_from_their_own_store() {
    let (server, now) = (Server::start(), SystemClock.now());
    let link = server.link().await;
    let (sessions, quotas) = (RedisSessions::new(link.clone()), RedisQuotas::new(link));
    let session = sessions::session_of("person_1", now);
    sessions.create(&session, 5).await.expect("no fault");
    let mut keys = quotas_of("person_1", [9, 9]);
    keys.push(("rate_limit:{system}:/api/*".to_owned(), Quota { limit: 2, window: SECOND }));
    let (found, decision) =
        sessions.resume_and_take("person_1", &session.id, now, &keys, &quotas).await.expect("no fault");
    assert!(
        found.is_some() && decision.is_some_and(|decision| decision.policy == 2 && decision.remaining == 1)
    );
    let asked = sessions.resume_and_take("person_1", &session.id, now, &keys, &NeverAsked).await;
    assert_eq!(asked, Err(Fault::internal("asked")));
    let none = sessions.resume_and_take("person_1", &session.id, now, &[], &NeverAsked).await;
    assert!(matches!(none, Ok((Some(_), None))));
}
