//! Whether the server and its backends work: for load balancers and people.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use wording::Message;

use super::problem::Problem;
use super::state::AppState;

/// Asks the backends whether they answer.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Whether the database answers.
    async fn database_answers(&self) -> bool;
    /// How Redis stands.
    async fn redis(&self) -> RedisState;
}

/// How Redis stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisState {
    /// There is none: sessions and counters are in process.
    Embedded,
    /// It answers and takes writes.
    Connected,
    /// It does not answer.
    Away,
    /// It answers but takes no writes, for this reason.
    TakesNoWrites(&'static str),
}

impl RedisState {
    const fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Connected => "connected",
            Self::Away | Self::TakesNoWrites(_) => "unavailable",
        }
    }
}

/// Whether the program was asked to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// From now on load balancers are sent away.
    pub fn announce(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_announced(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// `healthy`, or `degraded` while a backend is away.
    pub status: &'static str,
    /// This program's version.
    pub version: &'static str,
    /// `connected` or `unavailable`.
    pub database: &'static str,
    /// `connected`, `unavailable` or `embedded`.
    pub redis: &'static str,
}

async fn look(state: &AppState) -> (HealthBody, RedisState) {
    let (database, redis) = tokio::join!(state.probe.database_answers(), state.probe.redis());
    let body = HealthBody {
        status: if database && redis.word() != "unavailable" { "healthy" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        database: if database { "connected" } else { "unavailable" },
        redis: redis.word(),
    };
    (body, redis)
}

/// How the server and its backends stand; 200 as long as the process lives.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, description = "Alive", body = HealthBody)))]
pub async fn health(State(state): State<AppState>) -> axum::Json<HealthBody> {
    axum::Json(look(&state).await.0)
}

/// 200 when every needed backend answers; 503 until then, and from the moment the server is asked to stop.
#[utoipa::path(get, path = "/ready", tag = "operations", responses(
    (status = 200, description = "Ready for traffic", body = HealthBody),
    (status = 503, description = "backend_unavailable, shutting_down"),
))]
pub async fn ready(State(state): State<AppState>) -> Response {
    if state.leaving.is_announced() {
        return Problem::of("shutting_down").with_retry_after(1).into_response();
    }
    let (seen, redis) = look(&state).await;
    if seen.status == "healthy" {
        return (StatusCode::OK, axum::Json(seen)).into_response();
    }
    let redis = match redis {
        RedisState::TakesNoWrites(why) => format!("{} ({why})", seen.redis),
        _ => seen.redis.to_owned(),
    };
    let detail = Message::new("detail-not-ready").with("database", seen.database).with("redis", redis);
    Problem::of("backend_unavailable").with_detail(detail).with_retry_after(1).into_response()
}
