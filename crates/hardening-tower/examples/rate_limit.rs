//! Five requests in ten seconds, for everybody together.
//!
//! `cargo run -p hardening-tower --example rate_limit`, then `curl -i http://127.0.0.1:3000/` six times: the
//! headers count down, the sixth answer is a 429 with `Retry-After`.

#[path = "stores/quotas.rs"]
mod quotas;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hardening::clock::SystemClock;
use hardening::rate_limit::Quota;
use hardening_tower::rate_limit::{RateLimitLayer, TrafficLimits};

use quotas::QuotaMap;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let quota = Quota { limit: 5, window: Duration::from_secs(10) };
    // A real application counts by person or by client address.
    let limits = RateLimitLayer::new(Arc::new(QuotaMap::default()), Arc::new(SystemClock), move |_| {
        Some(TrafficLimits::default().and("everybody", "all", quota))
    });
    let app = Router::new().route("/", get(async || "Welcome.\n")).layer(limits);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
}
