//! `/metrics` in the Prometheus text format, on an address of its own (`METRICS_ADDRESS`): never on the
//! public one.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::server::Bound;

/// Histograms grow without bound unless they are tended to, also when nobody scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

fn recorder() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .install_recorder()
                .map_err(|error| tracing::warn!(%error, "metrics are not recorded"))
                .ok()
        })
        .as_ref()
}

async fn show() -> Response {
    match recorder() {
        Some(handle) => {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Begins to record. Handles to metrics that were taken before record nothing.
pub fn install() {
    recorder();
}

/// Serves the page until the task is dropped; see [`install`].
pub async fn serve(bound: Bound) {
    let upkeep = async {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            if let Some(handle) = recorder() {
                handle.run_upkeep();
            }
        }
    };
    let router: Router = Router::new().route("/metrics", get(show));
    let serving = bound.serve(router, std::future::pending());
    tokio::select! {
        () = upkeep => {}
        ended = serving => {
            if let Err(error) = ended {
                tracing::warn!(%error, "the metrics page ended");
            }
        }
    }
}
