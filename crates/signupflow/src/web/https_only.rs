//! `HTTPS_ONLY`: pages are sent to HTTPS, the API refuses plain HTTP (a redirect would have sent the
//! credential in the clear already; ASVS 5.0, 4.1.2), probes are spared.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use hardening_tower::ForwardedHttps;

use super::problem::Problem;

/// The setting, with the origin to redirect to.
#[derive(Clone)]
pub struct HttpsOnly {
    /// Whether it is demanded at all.
    pub demanded: bool,
    /// `https://…` without a trailing slash.
    pub origin: std::sync::Arc<str>,
}

/// Lets HTTPS pass; see the module.
pub async fn demand(State(setting): State<HttpsOnly>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let spared = matches!(path, "/health" | "/ready");
    let https = request.extensions().get::<ForwardedHttps>().is_some_and(|forwarded| forwarded.0);
    if !setting.demanded || https || spared {
        return next.run(request).await;
    }
    if path.starts_with("/api") {
        return Problem::of("https_required").into_response();
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    // `*` and the like would otherwise lengthen the host's name.
    let target = if target.starts_with('/') { target } else { "/" };
    Redirect::permanent(&format!("{}{target}", setting.origin)).into_response()
}
