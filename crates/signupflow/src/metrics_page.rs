//! `/metrics` in the Prometheus text format, on an address of its own (`METRICS_ADDRESS`): never on the
//! public one.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hardening::entropy::PooledEntropy;
use hardening::headers::SecurityHeaders;
use hardening_tower::request_id::RequestIdLayer;
use hardening_tower::security_headers::SecurityHeadersLayer;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::serve::ServeError;
use crate::server::{Bound, Limits, Server};

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

/// The page, listened for but not served yet.
#[derive(Debug)]
pub struct MetricsPage {
    bound: Bound,
    headers: Option<SecurityHeaders>,
}

impl MetricsPage {
    /// Listens there and begins to record: handles to metrics that were taken before record nothing.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: SocketAddr, headers: Option<SecurityHeaders>) -> Result<Self, ServeError> {
        let bound = Server::bind(address, Limits::of_metrics()).await.map_err(ServeError::BindMetrics)?;
        recorder();
        Ok(Self { bound, headers })
    }

    /// The address that is listened on, with its real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.bound.local_addr()
    }

    /// Serves the page until the task is dropped.
    pub async fn serve(self) {
        let upkeep = async {
            loop {
                tokio::time::sleep(UPKEEP_EVERY).await;
                if let Some(handle) = recorder() {
                    handle.run_upkeep();
                }
            }
        };
        let serving = self.bound.serve(router(self.headers), std::future::pending());
        tokio::select! {
            () = upkeep => {}
            ended = serving => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "the metrics page ended");
                }
            }
        }
    }
}

/// Every answer has a number and the security headers, as on the public address.
fn router(headers: Option<SecurityHeaders>) -> Router {
    let router = Router::new().route("/metrics", get(show));
    let router = match headers {
        Some(headers) => router.layer(SecurityHeadersLayer::new(&headers)),
        None => router,
    };
    router.layer(RequestIdLayer::new(Arc::new(PooledEntropy::default())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardening::headers::HeaderSettings;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn every_answer_is_numbered_and_protected() {
        let router = router(Some(SecurityHeaders::new(&HeaderSettings::default())));
        for (path, status) in [("/metrics", 200), ("/", 404)] {
            let request = http::Request::get(path).body(axum::body::Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.headers()["x-request-id"].len(), 32, "{path}");
            assert_eq!(answer.headers()["x-frame-options"], "DENY", "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}
