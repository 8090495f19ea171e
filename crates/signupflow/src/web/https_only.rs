//! `HTTPS_ONLY`: pages are sent to HTTPS, the API refuses plain HTTP (a redirect would have sent the
//! credential in the clear already; ASVS 5.0, 4.1.2), probes are spared.

use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};

use hardening_tower::ForwardedHttps;

use super::around::Around;
use super::problem::Problem;

/// The setting, with the origin to redirect to.
#[derive(Clone)]
pub struct HttpsOnly {
    /// Whether it is demanded at all.
    pub demanded: bool,
    /// `https://…` without a trailing slash.
    pub origin: std::sync::Arc<str>,
}

impl Around for HttpsOnly {
    type Kept = ();

    /// Lets HTTPS pass; see the module.
    fn before(&self, request: &mut Request) -> Result<(), Response> {
        let path = request.uri().path();
        let spared = matches!(path, "/health" | "/ready");
        let https = request.extensions().get::<ForwardedHttps>().is_some_and(|forwarded| forwarded.0);
        if !self.demanded || https || spared {
            return Ok(());
        }
        if path.starts_with("/api") {
            return Err(Problem::of("https_required").into_response());
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        // `*` and the like would otherwise lengthen the host's name.
        let target = if target.starts_with('/') { target } else { "/" };
        Err(Redirect::permanent(&format!("{}{target}", self.origin)).into_response())
    }

    fn after(self, (): (), response: Response) -> Response {
        response
    }
}
