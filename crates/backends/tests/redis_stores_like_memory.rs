//! The Lua arithmetic against the Rust one: random schedules, and every answer must be the same.

use std::time::Duration;

use backends::memory::attempts::MemoryAttempts;
use backends::memory::quotas::MemoryQuotas;
use backends::memory::sessions::MemorySessions;
use backends::redis::attempts::RedisAttempts;
use backends::redis::quotas::RedisQuotas;
use backends::redis::sessions::RedisSessions;
use backends::redis::{LinkOptions, RedisLink, RedisTarget};
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::entropy::{OsEntropy, PredictableEntropy, random_bytes};
use hardening::lockout::{AttemptStore as _, Budget, Settlement};
use hardening::rate_limit::{Count, Per, Quota, QuotaStore as _};
use hardening::session::{Session, SessionId, SessionStore as _};
use testkit::contracts::sessions::session_of;
use testkit::redis::Redis;

const SEEDS: u64 = 24;
const STEPS: usize = 150;
const LEASE: Duration = Duration::from_secs(10);

async fn link() -> RedisLink {
    let patient = Duration::from_secs(10);
    let options = LinkOptions { call_budget: patient, connect_budget: patient, ..LinkOptions::default() };
    let target = RedisTarget::parse(&Redis::shared().fresh_database()).expect("a URL");
    RedisLink::connect(target, options).await.expect("it answers")
}

struct Dice(PredictableEntropy);

impl Dice {
    fn throw(&self, sides: u64) -> u64 {
        u64::from_be_bytes(random_bytes(&self.0)) % sides
    }

    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.throw(from.len() as u64)).expect("small")]
    }

    /// Mostly short waits, sometimes ones that hit an end to the microsecond.
    fn wait(&self, ends: &[u64]) -> Duration {
        Duration::from_micros(match self.throw(4) {
            0 => *self.pick(ends) * 1_000_000,
            1 => *self.pick(ends) * 1_000_000 - 1,
            _ => self.throw(20_000_000),
        })
    }
}

#[tokio::test]
async fn attempts() {
    for seed in 0..SEEDS {
        let (dice, mut now) = (Dice(PredictableEntropy::from_seed(seed)), SystemClock.now());
        let (redis, memory) = (RedisAttempts::new(link().await), MemoryAttempts::new(1_000));
        let budget = |number: u64| Budget {
            key: format!("rate_limit:{{ip:{number}}}:/x"),
            limit: u32::try_from(1 + dice.throw(4)).expect("small"),
            window: Duration::from_mins(5),
            counts: Count::Failures,
            lockout: (dice.throw(3) > 0).then(|| Duration::from_secs(100 + dice.throw(2) * 800)),
            scope: Per::Ip,
        };
        let budgets: Vec<Budget> = (0..3).map(budget).collect();
        let mut open: Vec<(String, Vec<Budget>)> = Vec::new();
        for step in 0..STEPS {
            match dice.throw(9) {
                0 | 1 => now = now + dice.wait(&[1, 10, 100, 300, 900]),
                2..=4 => {
                    let mut some = vec![dice.pick(&budgets).clone(), dice.pick(&budgets).clone()];
                    some.dedup_by(|a, b| a.key == b.key);
                    let id = format!("{step} %");
                    let outcome = redis.reserve(&id, &some, now, LEASE).await;
                    assert_eq!(outcome, memory.reserve(&id, &some, now, LEASE).await, "{seed}/{step}");
                    if matches!(outcome, Ok(hardening::lockout::ReserveOutcome::Reserved(_))) {
                        open.push((id, some));
                    }
                }
                5 | 6 if !open.is_empty() => {
                    let (id, some) = dice.pick(&open).clone();
                    let (keep, clear) = (dice.throw(3) > 0, dice.throw(5) == 0);
                    let all: Vec<_> = some.iter().map(|budget| Settlement { budget, keep, clear }).collect();
                    let states = redis.settle(&id, &all, now).await;
                    assert_eq!(states, memory.settle(&id, &all, now).await, "{seed}/{step}");
                }
                7 => {
                    let states = redis.state(&budgets, now).await;
                    assert_eq!(states, memory.state(&budgets, now).await, "{seed}/{step}");
                }
                8 if dice.throw(4) == 0 => {
                    let key = [dice.pick(&budgets).key.clone()];
                    assert_eq!(redis.clear(&key).await, memory.clear(&key).await);
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn quotas() {
    for seed in 0..SEEDS {
        let (dice, mut now) = (Dice(PredictableEntropy::from_seed(seed)), SystemClock.now());
        let (redis, memory) = (RedisQuotas::new(link().await), MemoryQuotas::new(1_000));
        let key = |number: u64| {
            let limit = u32::try_from(1 + dice.throw(7)).expect("small");
            let key = format!("rate_limit:{{{}}}:/{number}", number / 2);
            (key, Quota { limit, window: Duration::from_micros(1 + dice.throw(90_000_000)) })
        };
        let keys: Vec<_> = (0..5).map(key).collect();
        for step in 0..STEPS {
            match dice.throw(12) {
                0 => now = now + dice.wait(&[1, 60]),
                1 => now = now - dice.wait(&[1, 60]),
                2 | 3 => now = now + Duration::from_micros(dice.throw(5_000_000)),
                _ => {
                    // Keys of one slot, so that nothing is taken and given back in between.
                    let first = usize::try_from(dice.throw(2) * 2).expect("small");
                    let some = &keys[first..first + 1 + usize::try_from(dice.throw(2)).expect("small")];
                    let decision = redis.take(some, now).await;
                    assert_eq!(decision, memory.take(some, now).await, "{seed}/{step}");
                }
            }
        }
    }
}

fn sorted(ids: Vec<SessionId>) -> Vec<SessionId> {
    let mut ids = ids;
    ids.sort();
    ids
}

fn fresh_session(dice: &Dice, now: Timestamp) -> Session {
    Session {
        credential_epoch: i64::try_from(dice.throw(4)).expect("small"),
        expires_at: now + dice.wait(&[30, 100, 600]) + Duration::from_secs(1),
        idle_timeout: if dice.throw(3) == 0 { Duration::ZERO } else { dice.wait(&[20, 60]) },
        ..session_of("person_1", now)
    }
}

#[tokio::test]
async fn sessions() {
    for seed in 0..SEEDS {
        let (dice, mut now) = (Dice(PredictableEntropy::from_seed(seed)), SystemClock.now());
        let (redis, memory) = (RedisSessions::new(link().await), MemorySessions::new());
        let mut ids = vec![SessionId::generate(&OsEntropy)];
        for step in 0..STEPS {
            let id = dice.pick(&ids).clone();
            let at = format!("{seed}/{step}");
            let act = dice.throw(12);
            if act >= 9 {
                // When what has expired is cleared away is each store's own business; the list does it in both.
                let listed = redis.list_of("person_1", now).await;
                assert_eq!(listed, memory.list_of("person_1", now).await, "{at}");
            }
            match act {
                0..=2 => now = now + dice.wait(&[1, 20, 60]),
                3..=5 => {
                    let (session, max) =
                        (fresh_session(&dice, now), u32::try_from(dice.throw(6)).expect("small"));
                    ids.push(session.id.clone());
                    let displaced = redis.create(&session, max).await;
                    assert_eq!(displaced, memory.create(&session, max).await, "{at}");
                }
                6 | 7 => {
                    let found = redis.resume("person_1", &id, now).await;
                    assert_eq!(found, memory.resume("person_1", &id, now).await, "{at}");
                }
                8 => {
                    let marked = redis.mark_authenticated("person_1", &id, now).await;
                    assert_eq!(marked, memory.mark_authenticated("person_1", &id, now).await, "{at}");
                }
                9 if dice.throw(4) == 0 => {
                    let keep = (dice.throw(2) == 0).then_some(&id);
                    let ended = redis.end_all_of("person_1", keep).await.map(sorted);
                    assert_eq!(ended, memory.end_all_of("person_1", keep).await.map(sorted), "{at}");
                }
                10 if dice.throw(3) == 0 => {
                    let epoch = i64::try_from(dice.throw(4)).expect("small");
                    let ended = redis.end_older_epochs("person_1", epoch).await.map(sorted);
                    assert_eq!(ended, memory.end_older_epochs("person_1", epoch).await.map(sorted), "{at}");
                }
                _ => {}
            }
        }
    }
}
