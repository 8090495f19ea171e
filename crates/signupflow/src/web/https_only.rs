//! `HTTPS_ONLY`: pages are sent to HTTPS, the API refuses plain HTTP (a redirect would have sent the
//! credential in the clear already; ASVS 5.0, 4.1.2), probes are spared.

use axum::response::{IntoResponse, Redirect, Response};
use http::Uri;

use super::problem::Problem;

/// The setting, with the origin to redirect to.
#[derive(Clone)]
pub struct HttpsOnly {
    /// Whether it is demanded at all.
    pub demanded: bool,
    /// `https://…` without a trailing slash.
    pub origin: std::sync::Arc<str>,
}

impl HttpsOnly {
    /// The answer to a request that did not come over HTTPS, where that is demanded; see the module.
    pub fn refusal(&self, uri: &Uri, https: bool) -> Option<Response> {
        let path = uri.path();
        let spared = matches!(path, "/health" | "/ready");
        if !self.demanded || https || spared {
            return None;
        }
        if path == "/api" || path.starts_with("/api/") {
            return Some(Problem::of("https_required").into_response());
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        // `*` and the like would otherwise lengthen the host's name.
        let target = if target.starts_with('/') { target } else { "/" };
        Some(Redirect::permanent(&format!("{}{target}", self.origin)).into_response())
    }
}
