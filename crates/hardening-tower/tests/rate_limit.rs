//! The rate limit layer, from outside.
#![cfg(feature = "rate_limit")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

#[path = "../examples/stores/quotas.rs"]
mod quotas;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::{ManualClock, Timestamp};
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore};
use hardening_tower::Refusal;
use hardening_tower::rate_limit::{RateLimitLayer, TrafficLimits};
use http::{HeaderMap, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use quotas::QuotaMap;

const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);

/// Requests of the person named in the path; `/free` is not limited, `/login` has numbers of its own.
fn limits(parts: &http::request::Parts) -> Option<TrafficLimits> {
    let person = parts.uri.path();
    let all = Quota { limit: 100, window: Duration::from_mins(1) };
    let mine = Quota { limit: 3, window: Duration::from_mins(1) };
    (person != "/free")
        .then(|| TrafficLimits::default().and("all", "all", all).and("per-person", person, mine))
}

async fn call(store: Arc<dyn QuotaStore>, clock: Arc<ManualClock>, path: &str) -> Response<String> {
    let layer = RateLimitLayer::new(store, clock, limits);
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let mut response = Response::new("done".to_owned());
        if request.uri().path() == "/login" {
            response.headers_mut().insert("x-ratelimit-limit", 5.into());
        }
        Ok::<_, Infallible>(response)
    }));
    service.oneshot(Request::get(path).body(()).unwrap()).await.unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |v| v.to_str().unwrap())
}

#[tokio::test]
async fn it_counts_down_refuses_and_lets_in_again() {
    let store = Arc::new(QuotaMap::default());
    let clock = Arc::new(ManualClock::at(START));
    for left in ["2", "1", "0"] {
        let response = call(store.clone(), clock.clone(), "/person_1").await;
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(text(headers, "x-ratelimit-limit"), "3");
        assert_eq!(text(headers, "x-ratelimit-remaining"), left);
        assert_eq!(text(headers, "x-ratelimit-reset"), "1000060");
        assert_eq!(text(headers, "ratelimit"), format!("\"per-person\";r={left};t=60"));
        assert_eq!(text(headers, "ratelimit-policy"), "\"per-person\";q=3;w=60");
        assert_eq!(text(headers, "retry-after"), "");
    }
    clock.advance(Duration::from_secs(20));
    let refused = call(store.clone(), clock.clone(), "/person_1").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(text(refused.headers(), "retry-after"), "40");
    assert_eq!(text(refused.headers(), "x-ratelimit-remaining"), "0");
    assert_eq!(text(refused.headers(), "ratelimit"), "\"per-person\";r=0;t=40");
    assert!(matches!(refused.extensions().get::<Refusal>(), Some(Refusal::RateLimited(d)) if d.limit == 3));
    assert_eq!(call(store.clone(), clock.clone(), "/person_2").await.status(), 200, "others are not touched");
    clock.advance(Duration::from_secs(40));
    assert_eq!(call(store, clock, "/person_1").await.status(), 200);
}

#[tokio::test]
async fn unlimited_requests_carry_no_numbers_and_own_numbers_stay() {
    let store = Arc::new(QuotaMap::default());
    let clock = Arc::new(ManualClock::at(START));
    let free = call(store.clone(), clock.clone(), "/free").await;
    assert!(free.status() == 200 && !free.headers().contains_key("x-ratelimit-limit"));
    let login = call(store, clock, "/login").await;
    assert_eq!(text(login.headers(), "x-ratelimit-limit"), "5");
    assert!(!login.headers().contains_key("ratelimit"));
}

/// A store whose backend is away.
struct Away;

#[async_trait]
impl QuotaStore for Away {
    async fn take(&self, _: &[(String, Quota)], _: Timestamp) -> Result<Decision, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
}

#[tokio::test]
async fn a_store_that_is_away_lets_nothing_through_uncounted() {
    let clock = Arc::new(ManualClock::at(START));
    let response = call(Arc::new(Away), clock.clone(), "/person_1").await;
    assert_eq!(response.status(), 503);
    assert_eq!(text(response.headers(), "retry-after"), "1");
    assert!(matches!(response.extensions().get::<Refusal>(), Some(Refusal::BackendAway(_))));
    assert_eq!(call(Arc::new(Away), clock, "/free").await.status(), 200);
}
