//! One server: killed, restarted, frozen, flushed, demoted, silent, behind TLS, badly set up.

mod redis_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backends::redis::{Arg, ConnectError, LinkOptions, LuaScript, RedisLink, RedisTarget};
use hardening::fault::Fault;
use redis_common::*;
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::redis::{Redis, RedisOptions};

/// A call may take its budget of 50 ms; the rest is for a busy test machine.
const SLOWEST_CALL: Duration = Duration::from_millis(150);
const FEW: u32 = 5;

async fn connect_with(url: &str, options: LinkOptions) -> Result<RedisLink, ConnectError> {
    RedisLink::connect(RedisTarget::parse(url).expect("a valid URL"), options).await
}

#[track_caller]
fn assert_away(outcome: &Result<RedisLink, ConnectError>) {
    assert!(matches!(outcome, Err(ConnectError::Away(_))), "expected that Redis is away, got {outcome:?}");
}

static ECHO: LuaScript = LuaScript::new("echo", "return ARGV[1]");

fn tcp() -> Redis {
    Redis::private(&RedisOptions::default().tcp())
}

#[tokio::test]
async fn keys_and_arguments_arrive_as_they_are() {
    static JOIN: LuaScript = LuaScript::new("join", "return {KEYS[2], ARGV[1], ARGV[2], ARGV[3] + 1}");
    let link = connect(&Redis::shared().fresh_database()).await;
    let args = [Arg::from("é\r\n"), Arg::from(vec![0, 255, b'$']), Arg::from(41)];
    let answer: (String, String, Vec<u8>, i64) =
        link.run(&JOIN, &["{a}1", "{a}2"], &args).await.expect("it runs");
    assert_eq!(answer, ("{a}2".to_owned(), "é\r\n".to_owned(), vec![0, 255, b'$'], 42));
    link.ping().await.expect("it answers");
    assert!(!link.is_degraded() && link.warnings().is_empty());
}

#[tokio::test]
async fn a_database_of_the_url_is_used() {
    let url = Redis::shared().fresh_database();
    set(&connect(&url).await, "k", "here").await.expect("it answers");
    assert_eq!(get(&connect(&Redis::shared().fresh_database()).await, "k").await.expect("it answers"), None);
    assert_eq!(get(&connect(&url).await, "k").await.expect("it answers").as_deref(), Some("here"));
}

#[tokio::test]
async fn a_script_that_fails_is_an_internal_fault_and_no_reason_to_open_the_breaker() {
    static WRONG: LuaScript = LuaScript::new("wrong", "return nil + 1");
    let link = connect(&Redis::shared().fresh_database()).await;
    for _ in 0..2 * FEW {
        let fault = link.run::<()>(&WRONG, &["k"], &[]).await.expect_err("it fails");
        assert!(matches!(&fault, Fault::Internal(text) if text.contains("wrong")), "{fault}");
        let fault = link.run::<i64>(&ECHO, &["k"], &["no number".into()]).await.expect_err("no number");
        assert!(matches!(fault, Fault::Internal(_)));
    }
    assert!(!link.is_degraded());
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let server = tcp();
    let link = connect(&server.url()).await;
    set(&link, "k", "1").await.expect("it answers");
    server.flush();
    set(&link, "k", "2").await.expect("the script is sent again");
    let stats: String = server.ask(&["INFO", "commandstats"]);
    let calls =
        |command: &str| stats.lines().find(|line| line.starts_with(command)).unwrap_or_default().to_owned();
    assert!(calls("cmdstat_evalsha:").contains("calls=2,"), "{stats}");
}

#[tokio::test]
async fn a_killed_server_is_unavailable_and_found_again_after_its_start() {
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    set(&link, "k", "1").await.expect("it answers");
    server.kill();
    assert!(failures_until_open(&link, "k").await <= FEW);
    let begun = Instant::now();
    assert_unavailable(&set(&link, "k", "1").await);
    assert_unavailable(&link.ping().await);
    assert!(begun.elapsed() < Duration::from_millis(10), "nobody waits while the breaker is open");
    server.start();
    assert!(time_until_ok(|| set(&link, "k", "1")).await < RECOVERY);
    assert!(!link.is_degraded());
}

#[tokio::test]
async fn a_quick_restart_while_idle_is_not_even_noticed() {
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    set(&link, "k", "1").await.expect("it answers");
    server.restart();
    // The link hears of the end and needs a moment to connect again; no call fails on the dead connection.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..20 {
        set(&link, "k", "1").await.expect("the link has healed by itself");
    }
}

#[tokio::test]
async fn a_frozen_server_is_given_up_and_no_answer_is_mixed_up_after_the_thaw() {
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    let echo = |text: String| {
        let link = link.clone();
        async move { link.run::<String>(&ECHO, &["k"], &[Arg::from(text.clone())]).await.map(|got| (text, got)) }
    };
    echo("warm".to_owned()).await.expect("it answers");
    server.freeze();
    let mut failures = 0;
    while !link.is_degraded() {
        assert_unavailable(&echo(format!("lost {failures}")).await);
        failures += 1;
    }
    assert!(failures <= FEW, "{failures}");
    server.thaw();
    assert!(time_until_ok(|| echo("again".to_owned())).await < RECOVERY);
    for number in 0..200 {
        let (sent, got) = echo(format!("value {number}")).await.expect("it answers");
        assert_eq!(sent, got);
    }
}

#[tokio::test]
async fn a_short_freeze_keeps_the_connection_and_the_order_of_answers() {
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    link.run::<String>(&ECHO, &["k"], &["warm".into()]).await.expect("it answers");
    for round in 0..20 {
        server.freeze();
        assert_unavailable(&link.run::<String>(&ECHO, &["k"], &["late".into()]).await);
        server.thaw();
        // On a busy machine the thawed process may get its turn late; the link's budget starts when it has.
        server.ask::<String>(&["PING"]);
        let text = format!("after {round}");
        let got: String = link.run(&ECHO, &["k"], &[text.as_str().into()]).await.expect("it goes on");
        assert_eq!(got, text);
    }
    assert!(!link.is_degraded());
}

#[tokio::test]
async fn a_demoted_master_is_given_up_at_once_and_taken_back_when_promoted() {
    let (server, master) = (tcp(), tcp());
    let link = connect(&server.tcp_url()).await;
    set(&link, "k", "1").await.expect("it answers");
    let port = master.tcp_address().port().to_string();
    let _: () = server.ask(&["REPLICAOF", "127.0.0.1", &port]);
    assert_unavailable(&set(&link, "k", "2").await);
    assert!(link.is_degraded(), "one refusal for being read-only is enough");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(link.is_degraded(), "a replica that answers is still no master");
    let _: () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    assert!(time_until_ok(|| set(&link, "k", "3")).await < RECOVERY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_costs_nobody_more_than_the_budget_and_heals() {
    let server = tcp();
    let proxy = FaultProxy::start(server.tcp_address()).await;
    let link = connect(&format!("redis://{}", proxy.address())).await;
    set(&link, "k", "1").await.expect("it passes");
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for fault in [Mode::BlackHole, Mode::Delay(Duration::from_secs(5))] {
        proxy.set(fault).await;
        assert!(failures_until_open(&link, "k").await <= FEW);
        let mut times = Vec::new();
        for _ in 0..10 {
            let calls = (0..100).map(|_| {
                let link = link.clone();
                tokio::spawn(async move {
                    let begun = Instant::now();
                    assert_unavailable(&set(&link, "k", "1").await);
                    begun.elapsed()
                })
            });
            for call in calls.collect::<Vec<_>>() {
                times.push(call.await.expect("no panic"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        times.sort_unstable();
        assert!(times[times.len() * 99 / 100] < SLOWEST_CALL, "{:?}", times.last());
        proxy.cut();
        proxy.up().await;
        assert!(time_until_ok(|| set(&link, "k", "1")).await < RECOVERY, "{fault:?}");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tasks() <= before + 4, "{} tasks, {before} before", tasks());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_slow_for_a_call_still_shows_that_the_server_is_there() {
    let server = tcp();
    let proxy = FaultProxy::start(server.tcp_address()).await;
    let link = connect(&format!("redis://{}", proxy.address())).await;
    proxy.set(Mode::Delay(Duration::from_millis(100))).await;
    assert_unavailable(&set(&link, "k", "1").await);
    link.ping().await.expect("it is only slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_into_silence_ends_within_the_budget() {
    let server = tcp();
    let proxy = FaultProxy::start(server.tcp_address()).await;
    let link = connect(&format!("redis://{}", proxy.address())).await;
    set(&link, "k", "1").await.expect("it passes");
    proxy.set(Mode::BlackHole).await;
    let begun = Instant::now();
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move { set(&link, "k", "1").await })
        })
        .collect();
    for call in calls {
        assert_unavailable(&call.await.expect("no panic"));
    }
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert!(link.is_degraded());
}

#[tokio::test]
async fn a_link_that_is_dropped_stops_searching() {
    let server = tcp();
    let proxy = FaultProxy::start(server.tcp_address()).await;
    let link = connect(&format!("redis://{}", proxy.address())).await;
    proxy.down().await;
    failures_until_open(&link, "k").await;
    drop(link);
    tokio::time::sleep(Duration::from_millis(900)).await;
    proxy.up().await;
    let clients: String = server.ask(&["CLIENT", "LIST"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let later: String = server.ask(&["CLIENT", "LIST"]);
    assert_eq!((clients.lines().count(), later.lines().count()), (1, 1), "only the one that asks: {later}");
}

#[tokio::test]
async fn memory_that_ran_out_is_unavailable_but_reading_goes_on() {
    let server = tcp();
    let link = connect(&server.url()).await;
    set(&link, "k", "kept").await.expect("it answers");
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..2 * FEW {
        assert_unavailable(&set(&link, "k", "x").await);
    }
    assert_eq!(get(&link, "k").await.expect("reading needs no memory").as_deref(), Some("kept"));
    assert_unavailable(&link.ping().await);
    assert_eq!((link.is_degraded(), link.refuses_writes()), (true, Some("it has no memory left")));
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    set(&link, "k", "x").await.expect("it answers");
    link.ping().await.expect("it takes writes");
    let begun = std::time::Instant::now();
    while link.is_degraded() {
        assert!(begun.elapsed() < RECOVERY, "nobody looks whether it is over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(link.refuses_writes(), None);
}

#[tokio::test]
async fn a_link_that_is_asked_whether_it_works_finds_a_full_server_before_any_call() {
    let server = tcp();
    let link = connect(&server.url()).await;
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_unavailable(&link.ping().await);
    assert!(link.is_degraded());
}

#[tokio::test]
async fn a_server_that_evicts_is_refused_or_told_about() {
    let server = Redis::private(&RedisOptions::default().setting("maxmemory-policy", "allkeys-lru"));
    let refusal = connect_with(&server.url(), LinkOptions::default()).await.expect_err("it evicts");
    assert!(matches!(&refusal, ConnectError::Unusable(text) if text.contains("allkeys-lru")), "{refusal}");
    let lenient = LinkOptions { refuse_eviction: false, ..LinkOptions::default() };
    let link = connect_with(&server.url(), lenient).await.expect("only a warning");
    assert!(link.warnings()[0].contains("noeviction"), "{:?}", link.warnings());
}

#[tokio::test]
async fn a_server_that_is_away_at_start_or_a_wrong_password_is_told() {
    let server = Redis::private(&RedisOptions::default().tcp().setting("user", "app on >right ~* +@all"));
    let port = server.tcp_address().port();
    let with = |password: &str| format!("redis://app:{password}@127.0.0.1:{port}");
    connect(&with("right")).await.ping().await.expect("the right password");
    let refusal = connect_with(&with("wr0ng"), LinkOptions::default()).await.expect_err("the wrong password");
    assert!(
        matches!(refusal, ConnectError::Unusable(_)) && !refusal.to_string().contains("wr0ng"),
        "{refusal}"
    );
    server.kill();
    assert_away(&connect_with(&with("right"), LinkOptions::default()).await);
}

#[tokio::test]
async fn a_server_that_is_away_at_start_is_found_when_it_comes() {
    let server = tcp();
    server.kill();
    let (link, error) = find(&server.tcp_url()).await;
    assert!(matches!(error, Some(ConnectError::Away(_))), "{error:?}");
    assert!(link.is_degraded());
    let begun = Instant::now();
    assert_unavailable(&set(&link, "k", "1").await);
    assert_unavailable(&link.ping().await);
    assert!(begun.elapsed() < Duration::from_millis(10), "nobody waits for what is known to be away");
    server.start();
    assert!(time_until_ok(|| set(&link, "k", "1")).await < RECOVERY);
    assert!(!link.is_degraded());
}

#[tokio::test]
async fn a_server_that_comes_late_is_looked_at_before_it_is_used() {
    let server = Redis::private(&RedisOptions::default().tcp().setting("maxmemory-policy", "allkeys-lru"));
    server.kill();
    let (link, _) = find(&server.tcp_url()).await;
    server.start();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_unavailable(&set(&link, "k", "1").await);
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert!(time_until_ok(|| set(&link, "k", "1")).await < RECOVERY);
}

const BUSY: &str = "local from = redis.call('TIME')
    repeat
        local now = redis.call('TIME')
    until (now[1] - from[1]) * 1000000 + now[2] - from[2] > 150000
    return 1";

/// Asked in one breath, they go out together; each still has its own deadline.
#[tokio::test]
async fn who_may_wait_longer_holds_up_nobody_in_the_same_round() {
    static PATIENT: LuaScript = LuaScript::new("patient", BUSY).of_budgets(20);
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    let patient = link.run::<i64>(&PATIENT, &["k"], &[]);
    let impatient = async {
        let begun = Instant::now();
        assert_unavailable(&link.run::<String>(&ECHO, &["k"], &["late".into()]).await);
        begun.elapsed()
    };
    let (patient, impatient) = tokio::join!(patient, impatient);
    assert_eq!(patient, Ok(1));
    assert!(impatient < Duration::from_millis(140), "{impatient:?}");
    assert_eq!(link.run::<String>(&ECHO, &["k"], &["next".into()]).await, Ok("next".to_owned()));
}

#[tokio::test]
async fn a_script_may_have_more_than_one_budget() {
    static IMPATIENT: LuaScript = LuaScript::new("impatient", BUSY);
    static PATIENT: LuaScript = LuaScript::new("patient", BUSY).of_budgets(20);
    let server = tcp();
    let link = connect(&server.tcp_url()).await;
    assert_unavailable(&link.run::<i64>(&IMPATIENT, &["k"], &[]).await);
    assert_eq!(link.run::<i64>(&PATIENT, &["k"], &[]).await, Ok(1));
}

#[tokio::test]
async fn tls_is_verified() {
    let server = Redis::private(&RedisOptions::default().tls());
    let trusting =
        |pem: &str| LinkOptions { tls_authorities: Some(pem.as_bytes().to_vec()), ..LinkOptions::default() };
    let link =
        connect_with(&server.tls_url(), trusting(server.authority_pem())).await.expect("it is trusted");
    set(&link, "k", "1").await.expect("it answers");

    let stranger = Redis::private(&RedisOptions::default().tls());
    let outcome = connect_with(&server.tls_url(), trusting(stranger.authority_pem())).await;
    assert_away(&outcome);
    assert_away(&connect_with(&server.tls_url(), LinkOptions::default()).await);
    let other_name = server.tls_url().replace("localhost", "[::ffff:127.0.0.1]");
    let _ = RedisTarget::parse(&other_name).expect("a valid URL");
    assert_away(&connect_with(&other_name, trusting(server.authority_pem())).await);
    let plain = server.tls_url().replace("rediss://", "redis://");
    assert_away(&connect_with(&plain, LinkOptions::default()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_share_one_connection() {
    let server = tcp();
    let link = Arc::new(
        connect_with(
            &server.tcp_url(),
            LinkOptions { call_budget: Duration::from_secs(5), ..LinkOptions::default() },
        )
        .await
        .expect("it answers"),
    );
    let calls: Vec<_> = (0..2000)
        .map(|number| {
            let link = Arc::clone(&link);
            tokio::spawn(async move {
                let got: i64 = link.run(&ECHO, &["k"], &[Arg::from(number)]).await.expect("it answers");
                assert_eq!(got, number);
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic");
    }
    let clients: String = server.ask(&["CLIENT", "LIST", "TYPE", "normal"]);
    assert_eq!(clients.lines().filter(|line| line.contains("addr=127.0.0.1")).count(), 1, "{clients}");
}

/// Knows one name until it is away.
struct Service {
    address: std::net::SocketAddr,
    away: Arc<std::sync::atomic::AtomicBool>,
}

#[async_trait::async_trait]
impl backends::names::LookUp for Service {
    async fn addresses(&self, _: &str, _: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
        if self.away.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(std::io::Error::other("the name service is away"));
        }
        Ok(vec![self.address])
    }
}

/// F33: while names cannot be resolved, Redis is found again at its last address.
#[tokio::test]
async fn a_server_is_found_again_at_its_last_address_while_the_name_service_is_away() {
    let redis = tcp();
    let address = redis.tcp_address();
    let away = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let names = backends::names::Names::asking(Service { address, away: away.clone() });
    let options = LinkOptions { names, call_budget: Duration::from_secs(1), ..LinkOptions::default() };
    let link = connect_with(&format!("redis://cache.test:{}", address.port()), options).await.expect("known");
    away.store(true, std::sync::atomic::Ordering::SeqCst);
    redis.restart();
    let took = time_until_ok(|| link.ping()).await;
    assert!(took < RECOVERY, "{took:?}");
}

#[tokio::test]
async fn the_end_of_a_servers_certificate_is_known() {
    use hardening::clock::{Clock as _, SystemClock};
    let names = backends::names::Names::default();
    let redis = Redis::private(&RedisOptions::default().tls_for(10));
    let ends = RedisTarget::parse(&redis.tls_url()).expect("valid").certificate_ends(&names).await;
    let [(server, end)] = ends.as_slice() else { panic!("{ends:?}") };
    let left = end.since(SystemClock.now());
    assert!(server.starts_with("Redis at ") && left > Duration::from_hours(239), "{ends:?}");
    let plain = RedisTarget::parse("redis://127.0.0.1:1").expect("valid").certificate_ends(&names).await;
    assert!(plain.is_empty());
}
