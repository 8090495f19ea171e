//! What only several nodes, or a Redis that forgets or is away, can show.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_together_let_no_more_than_the_limit_reach_the_check() {
    let (server, now) = (Server::start(), SystemClock.now());
    let nodes = [RedisAttempts::new(server.link().await), RedisAttempts::new(server.link().await)];
    // The tight budget is asked last, so that places are taken and given back all the time.
    let budgets = [address(5), account(500)];
    let reserves = (0..200).map(|number: usize| {
        let (node, budgets) = (nodes[number % 2].clone(), budgets.clone());
        tokio::spawn(async move { node.reserve(&number.to_string(), &budgets, now, LEASE).await })
    });
    let mut taken = 0;
    for reserve in reserves.collect::<Vec<_>>() {
        match reserve.await.expect("no panic").expect("no fault") {
            ReserveOutcome::Reserved(_) => taken += 1,
            refused => assert_eq!(refused, ReserveOutcome::Busy { index: 0 }),
        }
    }
    assert_eq!(taken, 5);
    let used: Vec<_> =
        nodes[0].state(&budgets, now).await.expect("no fault").iter().map(|s| s.used).collect();
    assert_eq!(used, [5, 5], "what was refused used nothing up");
}

#[tokio::test]
async fn a_refusal_names_the_worst_budget_whatever_the_order() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisAttempts::new(server.link().await);
    let (busy, locked) = (account(1), address(1));
    store.reserve("a", std::slice::from_ref(&busy), now, LEASE).await.expect("no fault");
    let failed = [Settlement { budget: &locked, keep: true, clear: false }];
    store.settle("b", &failed, now).await.expect("no fault");
    let until = now + Duration::from_mins(15);
    for budgets in [[busy.clone(), locked.clone()], [locked.clone(), busy.clone()]] {
        let index = usize::from(budgets[1] == locked);
        let outcome = store.reserve("c", &budgets, now, LEASE).await;
        assert_eq!(outcome, Ok(ReserveOutcome::Blocked { index, until, newly: false }));
    }
}

#[tokio::test]
async fn counting_goes_on_when_redis_forgot_everything_midway() {
    let (server, now) = (Server::start(), SystemClock.now());
    let link = server.link().await;
    let (attempts, sessions) = (RedisAttempts::new(link.clone()), RedisSessions::new(link.clone()));
    let quotas = RedisQuotas::new(link);
    let session = sessions::session_of("person_1", now);
    let quota = [("rate_limit:{person_1}:/api/*".to_owned(), Quota { limit: 2, window: SECOND })];
    let budget = account(1);
    sessions.create(&session, 5).await.expect("no fault");
    quotas.take(&quota, now).await.expect("no fault");
    attempts.reserve("a", std::slice::from_ref(&budget), now, LEASE).await.expect("no fault");

    server.0.flush();

    assert_eq!(sessions.resume("person_1", &session.id, now).await, Ok(None));
    assert_eq!(sessions.list_of("person_1", now).await, Ok(vec![]));
    assert_eq!(quotas.take(&quota, now).await.expect("no fault").remaining, 1);
    let settlement = [Settlement { budget: &budget, keep: true, clear: false }];
    let states = attempts.settle("a", &settlement, now).await.expect("no fault");
    assert!(states[0].newly_locked, "a wrong guess counts although its reservation is lost");
    sessions.create(&session, 5).await.expect("no fault");
    server.assert_every_key_goes_by_itself();
}

#[tokio::test]
async fn without_redis_nobody_is_let_in_signed_out_or_judged_but_traffic_goes_on() {
    let (server, now) = (Server::start(), SystemClock.now());
    let link = link_to(&server.0.url(), Duration::from_millis(500)).await;
    let (sessions, attempts) = (RedisSessions::new(link.clone()), RedisAttempts::new(link.clone()));
    let quotas = FallbackQuotas::new(Arc::new(RedisQuotas::new(link)), MemoryQuotas::new(100));
    let session = sessions::session_of("person_1", now);
    let quota = [("rate_limit:{ip:192.0.2.1}:/api/*".to_owned(), Quota { limit: 4, window: SECOND * 60 })];
    let budgets = [account(5), address(20)];
    sessions.create(&session, 5).await.expect("no fault");
    assert_eq!(quotas.take(&quota, now).await.expect("no fault").limit, 4);
    server.0.kill();

    let away = |fault: Fault| assert!(matches!(fault, Fault::Unavailable { .. }), "{fault}");
    away(sessions.resume("person_1", &session.id, now).await.expect_err("redis is away"));
    away(sessions.end("person_1", &session.id).await.expect_err("redis is away"));
    away(attempts.reserve("a", &budgets, now, LEASE).await.expect_err("redis is away"));
    away(attempts.state(&budgets, now).await.expect_err("redis is away"));
    let admitted =
        sessions.resume_and_take("person_1", &session.id, now, &quotas_of("person_1", [1, 1]), &quotas).await;
    away(admitted.expect_err("redis is away"));
    for allowed in [true, true, false] {
        assert_eq!(quotas.take(&quota, now).await.expect("the local one decides").allowed, allowed);
        assert!(quotas.is_degraded());
    }

    server.0.start();
    while quotas.is_degraded() {
        quotas.take(&quota, now).await.expect("one of them decides");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sessions.resume("person_1", &session.id, now).await, Ok(None), "Redis came back empty");
}

#[tokio::test]
async fn the_mark_of_a_follower_moves_only_from_where_it_was_seen() {
    let (server, now) = (Server::start(), SystemClock.now());
    let store = RedisSessions::new(server.link().await);
    let nothing = store.followed().await.expect("it answers");
    assert_eq!((nothing.parts().len(), nothing.oldest()), (1, None));
    let at = |until| Followed::new(vec![(nothing.parts()[0].0.clone(), until)]);
    assert_eq!(store.set_followed(&at(Some(now)), now + SECOND).await, Ok(false));
    assert_eq!(store.set_followed(&nothing, now).await, Ok(true));
    assert_eq!(store.set_followed(&nothing, now + SECOND).await, Ok(false));
    assert_eq!(store.followed().await, Ok(at(Some(now))));
    assert_eq!(store.set_followed(&at(Some(now)), now + SECOND).await, Ok(true));
    assert_eq!(store.followed().await, Ok(at(Some(now + SECOND))));
    server.assert_every_key_goes_by_itself();
}

#[tokio::test]
async fn each_master_of_a_cluster_has_a_mark_that_goes_back_with_its_data() {
    let (cluster, now) = (RedisCluster::start(), SystemClock.now());
    let store = RedisSessions::new(link_to(&cluster.url(), PATIENT).await);
    let nothing = store.followed().await.expect("it answers");
    let mut owners: Vec<usize> =
        nothing.parts().iter().map(|(key, _)| cluster.owner(cluster.slot_of(key))).collect();
    owners.sort_unstable();
    assert_eq!((owners.as_slice(), nothing.oldest()), (&[0, 1, 2][..], None));
    assert_eq!(store.set_followed(&nothing, now).await, Ok(true));
    cluster.save(1);
    let seen = store.followed().await.expect("it answers");
    assert_eq!(store.set_followed(&seen, now + SECOND).await, Ok(true));
    assert_eq!(store.followed().await.expect("it answers").oldest(), Some(now + SECOND));

    cluster.kill(1);
    while store.followed().await.expect("the others answer").parts().len() == 3 {}
    assert_eq!(store.followed().await.expect("the others answer").oldest(), Some(now + SECOND));
    cluster.restart(1);
    let restored = loop {
        let seen = store.followed().await.expect("it answers");
        if seen.parts().len() == 3 {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(restored.oldest(), Some(now), "the one that was restored must be told again");
}
