//! A master dies and its replica takes its place, under the stores: sessions and attempts go on where they were, and both
//! keep their contracts on what is left.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backends::redis::attempts::RedisAttempts;
use backends::redis::sessions::RedisSessions;
use backends::redis::{LinkOptions, RedisLink, RedisTarget};
use hardening::clock::{Clock as _, SystemClock};
use hardening::entropy::{OsEntropy, random_token};
use hardening::fault::Fault;
use hardening::lockout::{AttemptStore, Budget, ReserveOutcome, Settlement};
use hardening::rate_limit::{Count, Per};
use hardening::session::{Session, SessionStore};
use testkit::contracts::{attempts, sessions};
use testkit::redis::{RedisCluster, RedisSentinel};

const LEASE: Duration = Duration::from_secs(10);
const PEOPLE: usize = 24;

/// Patient, for a machine that compiles something else meanwhile; the budget itself is tested with the link.
async fn link_to(url: &str) -> RedisLink {
    let patient = Duration::from_secs(1);
    let options = LinkOptions { call_budget: patient, connect_budget: patient, ..LinkOptions::default() };
    let (link, _) = RedisLink::find(RedisTarget::parse(url).expect("a URL"), options).await;
    until_ok(|| link.ping()).await;
    link
}

/// Tries until it works.
async fn until_ok<F, T>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Fault>>,
{
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(fault) => assert!(begun.elapsed() < Duration::from_secs(20), "it never works again: {fault}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What people had before the master died.
struct Before {
    live: Vec<Session>,
    ended: Vec<Session>,
    locked: Vec<Budget>,
    used_in_part: Vec<Budget>,
}

fn budget(number: usize, kind: &str) -> Budget {
    Budget {
        key: format!("rate_limit:{{account:{kind}{number}}}:/api/auth/login"),
        scope: Per::Account,
        counts: Count::Failures,
        limit: 5,
        window: Duration::from_mins(5),
        lockout: Some(Duration::from_mins(15)),
    }
}

async fn fail(store: &RedisAttempts, budget: &Budget, times: u32) {
    for _ in 0..times {
        let (id, now) = (random_token(&OsEntropy).expose().clone(), SystemClock.now());
        let reserved =
            store.reserve(&id, std::slice::from_ref(budget), now, LEASE).await.expect("it answers");
        assert!(matches!(reserved, ReserveOutcome::Reserved(_)), "{reserved:?}");
        let kept = Settlement { budget, keep: true, clear: false };
        store.settle(&id, &[kept], now).await.expect("it answers");
    }
}

async fn before(store: &RedisSessions, guesses: &RedisAttempts) -> Before {
    let mut before =
        Before { live: Vec::new(), ended: Vec::new(), locked: Vec::new(), used_in_part: Vec::new() };
    for number in 0..PEOPLE {
        let person = format!("person_{number}");
        let [live, ended] = [(); 2].map(|()| sessions::session_of(&person, SystemClock.now()));
        for session in [&live, &ended] {
            store.create(session, 5).await.expect("it answers");
        }
        assert_eq!(store.end(&person, &ended.id).await, Ok(true));
        let (locked, used_in_part) = (budget(number, "locked"), budget(number, "part"));
        fail(guesses, &locked, 5).await;
        fail(guesses, &used_in_part, 3).await;
        before.live.push(live);
        before.ended.push(ended);
        before.locked.push(locked);
        before.used_in_part.push(used_in_part);
    }
    before
}

/// Nobody was signed out, nobody who was is back, and no guess was forgotten.
async fn expect_unchanged(store: &RedisSessions, guesses: &RedisAttempts, before: &Before) {
    let now = SystemClock.now();
    for session in &before.live {
        let found = store.resume(&session.person_id, &session.id, now).await.expect("it answers");
        assert!(found.is_some(), "{} was signed out", session.person_id);
    }
    for session in &before.ended {
        assert_eq!(store.resume(&session.person_id, &session.id, now).await, Ok(None));
    }
    for (number, budget) in before.locked.iter().enumerate() {
        let budgets = std::slice::from_ref(budget);
        let outcome =
            guesses.reserve(&format!("after{number}"), budgets, now, LEASE).await.expect("it answers");
        assert!(matches!(outcome, ReserveOutcome::Blocked { .. }), "{outcome:?}");
    }
    for budget in &before.used_in_part {
        fail(guesses, budget, 2).await;
        let budgets = std::slice::from_ref(budget);
        let outcome = guesses.reserve("sixth", budgets, SystemClock.now(), LEASE).await.expect("it answers");
        assert!(matches!(outcome, ReserveOutcome::Blocked { .. }), "{outcome:?}");
    }
}

/// Resumes everybody's session over and over: found, or Redis is away, and nothing else is ever told.
async fn resume_until(over: Arc<AtomicBool>, store: Arc<RedisSessions>, live: Vec<Session>) -> (u32, u32) {
    let (mut found, mut away) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        for session in &live {
            match store.resume(&session.person_id, &session.id, SystemClock.now()).await {
                Ok(Some(_)) => found += 1,
                Ok(None) => panic!("{} was signed out by a failover", session.person_id),
                Err(Fault::Unavailable { backend: "redis", .. }) => away += 1,
                Err(other) => panic!("{other}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (found, away)
}

struct Bench {
    store: Arc<RedisSessions>,
    people: AtomicU64,
}

#[async_trait]
impl sessions::SessionBench for Bench {
    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }

    async fn person(&self) -> String {
        format!("person_after_{}", self.people.fetch_add(1, Ordering::Relaxed))
    }

    async fn seed(&self, sessions: &[Session]) {
        for session in sessions {
            assert_eq!(self.store.create(session, u32::MAX).await, Ok(vec![]));
        }
    }
}

async fn through_a_promotion(link: RedisLink, fail_over: impl Future<Output = ()>) {
    let (store, guesses) = (Arc::new(RedisSessions::new(link.clone())), Arc::new(RedisAttempts::new(link)));
    let before = before(&store, &guesses).await;
    let over = Arc::new(AtomicBool::new(false));
    let traffic = tokio::spawn(resume_until(over.clone(), store.clone(), before.live.clone()));
    fail_over.await;
    for session in &before.live {
        until_ok(|| store.resume(&session.person_id, &session.id, SystemClock.now())).await;
    }
    over.store(true, Ordering::Relaxed);
    let (found, _) = traffic.await.expect("only that Redis is away is ever told");
    assert!(found > 0);
    expect_unchanged(&store, &guesses, &before).await;
    attempts::all(guesses).await;
    sessions::all(&Bench { store, people: AtomicU64::new(0) }).await;
}

/// F01: when a master of a cluster dies and its replica takes its place, requests get 503 until then, nobody is signed
/// out, who was signed out stays so, and no guess is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_and_attempts_go_on_when_a_replica_of_a_cluster_is_promoted() {
    let cluster = Arc::new(RedisCluster::start_with_replicas());
    let link = link_to(&cluster.url()).await;
    let dying = cluster.clone();
    let fail_over = async move {
        let work = move || {
            dying.wait_until_replicated(1);
            dying.kill(1);
            dying.wait_for_promotion(1);
        };
        tokio::task::spawn_blocking(work).await.expect("promoted");
    };
    through_a_promotion(link, fail_over).await;
}

/// F01: the same holds where sentinels make the replica the master.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_and_attempts_go_on_when_sentinels_promote_a_replica() {
    let redis = Arc::new(RedisSentinel::start());
    let link = link_to(&redis.url()).await;
    let switching = redis.clone();
    let fail_over = async move {
        tokio::task::spawn_blocking(move || switching.failover()).await.expect("promoted");
    };
    through_a_promotion(link, fail_over).await;
}
