//! Sessions, attempts and quotas in Redis: the contract suites, and what only several nodes can show.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backends::memory::quotas::MemoryQuotas;
use backends::redis::attempts::RedisAttempts;
use backends::redis::quotas::{FallbackQuotas, RedisQuotas};
use backends::redis::sessions::RedisSessions;
use backends::redis::{LinkOptions, RedisLink, RedisTarget};
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::entropy::{OsEntropy, random_token};
use hardening::fault::Fault;
use hardening::lockout::{AttemptStore, Budget, ReserveOutcome, Settlement};
use hardening::rate_limit::{Count, Decision, Per, Quota, QuotaStore};
use hardening::session::{Followed, RevocationMark as _, Session, SessionId, SessionStore};
use testkit::contracts::{attempts, quotas, sessions};
use testkit::redis::{Redis, RedisCluster, RedisOptions};

const LEASE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// A server of the test's own, and what is asked of it directly.
struct Server(Redis);

impl Server {
    fn start() -> Self {
        Self(Redis::private(&RedisOptions::default()))
    }

    /// A link of its own, as another node has.
    async fn link(&self) -> RedisLink {
        link_to(&self.0.url(), PATIENT).await
    }

    fn keys(&self) -> Vec<String> {
        self.0.ask(&["KEYS", "*"])
    }

    /// Milliseconds until the key goes; negative when it never does.
    fn time_to_live(&self, key: &str) -> i64 {
        self.0.ask(&["PTTL", key])
    }

    /// No key may stay for ever.
    fn assert_every_key_goes_by_itself(&self) {
        const ETERNAL: &str = "local eternal = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
                if redis.call('PTTL', key) == -1 then eternal[#eternal + 1] = key end
            end
            return eternal";
        assert_eq!(self.0.ask::<Vec<String>>(&["EVAL", ETERNAL, "0"]), Vec::<String>::new());
        assert_ne!(self.0.ask::<usize>(&["DBSIZE"]), 0, "there was something to look at");
    }
}

/// Patient, for a machine that compiles something else meanwhile; the budget itself is tested with the link.
const PATIENT: Duration = Duration::from_secs(10);

async fn link_to(url: &str, call_budget: Duration) -> RedisLink {
    let options = LinkOptions { call_budget, connect_budget: PATIENT, ..LinkOptions::default() };
    RedisLink::connect(RedisTarget::parse(url).expect("a URL"), options).await.expect("it answers")
}

struct RedisBench {
    store: Arc<RedisSessions>,
    people: AtomicU64,
}

#[async_trait]
impl sessions::SessionBench for RedisBench {
    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }

    async fn person(&self) -> String {
        format!("person_{}", self.people.fetch_add(1, Ordering::Relaxed))
    }

    async fn seed(&self, sessions: &[Session]) {
        for some in sessions.chunks(500) {
            let creations = some.iter().map(|session| self.store.create(session, u32::MAX));
            for displaced in futures_util::future::join_all(creations).await {
                assert_eq!(displaced, Ok(vec![]));
            }
        }
    }
}

fn account(limit: u32) -> Budget {
    Budget {
        key: format!("rate_limit:{{account:{}}}:/api/auth/login", random_token(&OsEntropy).expose()),
        limit,
        window: Duration::from_mins(5),
        counts: Count::Failures,
        lockout: Some(Duration::from_mins(15)),
        scope: Per::Account,
    }
}

fn address(limit: u32) -> Budget {
    let key = format!("rate_limit:{{ip:{}}}:/api/auth/login", random_token(&OsEntropy).expose());
    Budget { key, scope: Per::Ip, ..account(limit) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_keep_the_contract_and_leave_nothing_for_ever() {
    let server = Server::start();
    let store = Arc::new(RedisSessions::new(server.link().await));
    sessions::all(&RedisBench { store, people: AtomicU64::new(0) }).await;
    server.assert_every_key_goes_by_itself();
}

/// On the link as it is in production: each step keeps a call's budget, and Redis is there for others in between.
#[tokio::test]
async fn ten_thousand_sessions_of_one_person_end_at_once_but_the_one_to_keep() {
    const FILL: &str = "for n = 1, 10000 do
            local id = string.format('session_%043d', n)
            redis.call('SET', 'session:{p}:' .. id, string.rep('x', 230), 'PX', 600000)
            redis.call('ZADD', 'user_sessions:{p}', n, id)
        end
        redis.call('PEXPIRE', 'user_sessions:{p}', 600000)";
    let server = Server::start();
    let _: () = server.0.ask(&["EVAL", FILL, "0"]);
    let usual = LinkOptions::default();
    let link = link_to(&server.0.url(), usual.call_budget).await;
    let keep = SessionId::parse(&format!("session_{:043}", 7_777)).expect("an id");
    let store = RedisSessions::new(link);
    let _: () = server.0.ask(&["CONFIG", "RESETSTAT"]);
    let ended = store.end_all_of("p", Some(&keep)).await.expect("within its budget");
    let stats: String = server.0.ask(&["INFO", "commandstats"]);
    let of = |command: &str| stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    assert!(of("evalsha").is_some_and(|line| line.contains("calls=10,")), "a thousand a script: {stats}");
    assert_eq!(ended.len(), 9_999);
    let mut left = server.keys();
    left.sort();
    assert_eq!(left, [format!("session:{{p}}:{keep}"), "user_sessions:{p}".to_owned()]);
    server.assert_every_key_goes_by_itself();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_keep_the_contract_and_leave_nothing_for_ever() {
    let server = Server::start();
    attempts::all(Arc::new(RedisAttempts::new(server.link().await))).await;
    server.assert_every_key_goes_by_itself();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn quotas_keep_the_contract_and_leave_nothing_for_ever() {
    let server = Server::start();
    quotas::all(Arc::new(RedisQuotas::new(server.link().await))).await;
    server.assert_every_key_goes_by_itself();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_three_keep_their_contracts_on_a_cluster() {
    let cluster = RedisCluster::start();
    let link = link_to(&cluster.url(), PATIENT).await;
    attempts::all(Arc::new(RedisAttempts::new(link.clone()))).await;
    quotas::all(Arc::new(RedisQuotas::new(link.clone()))).await;
    let store = Arc::new(RedisSessions::new(link));
    sessions::all(&RedisBench { store, people: AtomicU64::new(0) }).await;
}

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

/// A store that must not be asked.
struct NeverAsked;

#[async_trait]
impl QuotaStore for NeverAsked {
    async fn take(&self, _: &[(String, Quota)], _: Timestamp) -> Result<Decision, Fault> {
        Err(Fault::internal("asked"))
    }
}

fn quotas_of(person: &str, limits: [u32; 2]) -> Vec<(String, Quota)> {
    let quota = |limit| Quota { limit, window: Duration::from_mins(1) };
    vec![
        (format!("rate_limit:{{{person}}}:/api/*:reads"), quota(limits[0])),
        (format!("rate_limit:{{{person}}}:/api/audit/*:reads"), quota(limits[1])),
    ]
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
