//! Sessions, attempts and quotas in Redis: the contract suites, and what only several nodes can show.

mod admission;
mod nodes;
mod session_keys;

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

fn quotas_of(person: &str, limits: [u32; 2]) -> Vec<(String, Quota)> {
    let quota = |limit| Quota { limit, window: Duration::from_mins(1) };
    vec![
        (format!("rate_limit:{{{person}}}:/api/*:reads"), quota(limits[0])),
        (format!("rate_limit:{{{person}}}:/api/audit/*:reads"), quota(limits[1])),
    ]
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
