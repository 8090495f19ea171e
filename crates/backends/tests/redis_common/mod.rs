//! What the tests of the link to Redis share.

use std::future::Future;
use std::time::{Duration, Instant};

use backends::redis::{ConnectError, LinkOptions, LuaScript, RedisLink, RedisTarget};
use hardening::fault::Fault;

/// What the contract promises after Redis has come back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);

static GET: LuaScript = LuaScript::new("get", "return redis.call('GET', KEYS[1])");
static SET: LuaScript = LuaScript::new("set", "return redis.call('SET', KEYS[1], ARGV[1])");

/// A link that works; on a busy machine the first look may pass the call budget.
pub(crate) async fn connect(url: &str) -> RedisLink {
    let (link, _) = find(url).await;
    time_until_ok(|| link.ping()).await;
    link
}

/// The first look.
pub(crate) async fn find(url: &str) -> (RedisLink, Option<ConnectError>) {
    RedisLink::find(RedisTarget::parse(url).expect("a valid URL"), LinkOptions::default()).await
}

pub(crate) async fn set(link: &RedisLink, key: &str, value: &str) -> Result<(), Fault> {
    link.run::<()>(&SET, &[key], &[value.into()]).await
}

pub(crate) async fn get(link: &RedisLink, key: &str) -> Result<Option<String>, Fault> {
    link.run(&GET, &[key], &[]).await
}

/// Tries until it works; how long that took.
pub(crate) async fn time_until_ok<F, T>(mut attempt: impl FnMut() -> F) -> Duration
where
    F: Future<Output = Result<T, Fault>>,
{
    let begun = Instant::now();
    while let Err(fault) = attempt().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never works again: {fault}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

/// Calls until one is refused at once; how many were slow or failed before.
pub(crate) async fn failures_until_open(link: &RedisLink, key: &str) -> u32 {
    for failures in 0..100 {
        if link.is_degraded() {
            return failures;
        }
        assert_unavailable(&set(link, key, "x").await);
    }
    panic!("the breaker never opens")
}

#[track_caller]
pub(crate) fn assert_unavailable<T: std::fmt::Debug>(outcome: &Result<T, Fault>) {
    assert!(
        matches!(outcome, Err(Fault::Unavailable { backend: "redis", .. })),
        "expected that Redis is away, got {outcome:?}"
    );
}
