//! What the stores cost apart from HTTP, as one JSON object: memory per session or per limiter key, or ending all
//! sessions of a person beside many others, in process and in Redis. One a process: memory that was given back is used
//! again.
//!
//! `store-costs sessions COUNT`, `store-costs limiter-keys COUNT`, `store-costs ending OTHERS [REDIS_URL]`; memory in
//! bytes, times in milliseconds (median of the rounds).

use std::sync::Arc;
use std::time::{Duration, Instant};

use backends::embedded::WriteThroughSessions;
use backends::memory::quotas::MemoryQuotas;
use backends::memory::sessions::MemorySessions;
use backends::redis::sessions::RedisSessions;
use backends::redis::{LinkOptions, RedisLink, RedisTarget};
use backends::sql::{Database, SqlError, Unit, migrate};
use bench::{person, session};
use hardening::clock::{Clock as _, SystemClock};
use hardening::fault::Fault;
use hardening::rate_limit::{Quota, QuotaStore};
use hardening::session::SessionStore;
use serde_json::{Value, json};

/// That of the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: usize = 7;
/// How many sessions of one person are ended.
const ENDED: [usize; 2] = [5, 10_000];

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

async fn memory_of_sessions(count: usize) -> Result<Value, Fault> {
    let (store, before) = (MemorySessions::new(), resident());
    let now = SystemClock.now();
    for number in 0..count {
        store.create(&session(&person(number), now), 5).await?;
    }
    let taken = resident().saturating_sub(before);
    Ok(json!({"sessions": store.len(), "bytes": taken, "bytes_each": taken / count.max(1)}))
}

/// Twice as many addresses as there is room for: memory stops at the bound.
async fn memory_of_limiter_keys(bound: usize) -> Result<Value, Fault> {
    let (store, before) = (MemoryQuotas::new(bound), resident());
    let quota = Quota { limit: 100, window: Duration::from_mins(1) };
    let mut half = 0;
    for number in 0..bound * 2 {
        store.take(&[(format!("rate_limit:{{ip:{number}}}:/api/*"), quota)], SystemClock.now()).await?;
        if number + 1 == bound {
            half = resident().saturating_sub(before);
        }
    }
    let full = resident().saturating_sub(before);
    Ok(
        json!({"keys": bound, "bytes": half, "bytes_after_twice_as_many": full, "bytes_each": half / bound.max(1)}),
    )
}

/// Whose sessions are ended.
fn leaving(count: usize, round: usize) -> String {
    format!("{}-{count}-{round}", person(round))
}

/// Enters everybody in the table of people, whom the embedded store's rows refer to.
async fn enter_people(database: &Database, others: usize) -> Result<(), SqlError> {
    let sql = "INSERT INTO people (id, org_id, name, created_at, updated_at) VALUES ($1, 'org_system', 'Bo', $2, $2)";
    let leaving = ENDED.iter().flat_map(|count| (0..ROUNDS).map(|round| leaving(*count, round)));
    let mut unit = Unit::housekeeping("people of a measurement");
    for id in leaving.chain((0..others).map(person)) {
        unit.run(sql, vec![id.into(), SystemClock.now().into()]);
    }
    database.commit(unit).await.map(drop)
}

/// The median time of ending `count` sessions of one person.
async fn ending(store: &dyn SessionStore, count: usize) -> Result<f64, Fault> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let person = leaving(count, round);
        let now = SystemClock.now();
        for _ in 0..count {
            store.create(&session(&person, now), u32::MAX).await?;
        }
        let begun = Instant::now();
        let ended = store.end_all_of(&person, None).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        if ended.len() != count {
            return Err(Fault::internal("not all sessions were ended"));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

async fn endings(store: &dyn SessionStore, others: usize) -> Result<Value, Fault> {
    let [few, many] = ENDED;
    let alone = ending(store, few).await?;
    for number in 0..others {
        store.create(&session(&person(number), SystemClock.now()), 5).await?;
    }
    let (five, many) = (ending(store, few).await?, ending(store, many).await?);
    Ok(json!({"others": others, "five_alone_ms": alone, "five_ms": five, "ten_thousand_ms": many}))
}

async fn ending_everywhere(others: usize, redis: Option<&str>) -> Result<Value, Failure> {
    let folder = tempfile::tempdir()?;
    let database = Database::open_sqlite(&folder.path().join("data.sqlite")).await?;
    migrate::up(&database).await?;
    // Every session is a durable row here, so fewer of them.
    enter_people(&database, others / 100).await?;
    let embedded = WriteThroughSessions::new(database, Arc::new(SystemClock));
    let mut figures = json!({"embedded": endings(&embedded, others / 100).await?});
    if let Some(url) = redis {
        let link = RedisLink::connect(RedisTarget::parse(url)?, LinkOptions::default()).await?;
        figures["redis"] = endings(&RedisSessions::new(link), others).await?;
    }
    Ok(figures)
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the figures are its output")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = match arguments[..] {
        ["sessions", count] => memory_of_sessions(count.parse()?).await?,
        ["limiter-keys", count] => memory_of_limiter_keys(count.parse()?).await?,
        ["ending", others] => ending_everywhere(others.parse()?, None).await?,
        ["ending", others, url] => ending_everywhere(others.parse()?, Some(url)).await?,
        _ => {
            return Err(
                "usage: store-costs sessions COUNT | limiter-keys COUNT | ending OTHERS [REDIS_URL]".into()
            );
        }
    };
    println!("{figures}");
    Ok(())
}
