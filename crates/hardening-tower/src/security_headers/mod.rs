//! The security headers on every response, refusals and errors of inner layers included.
//!
//! * Values are built once; rules in `hardening::headers`. They replace what a handler set under the same
//!   name, so no route can weaken them by accident.
//! * `Cache-Control: no-store` where the response says nothing of its own.
//! * HSTS only when the client came over HTTPS: by a trusted proxy's word, by a `ForwardedHttps` in the request's
//!   extensions, or because the operator says that it always does.
//!
//! What the deployment must ensure: this layer is outside of whatever makes responses; a server that ends TLS itself
//! puts `ForwardedHttps(true)` into its requests.
//!
//! ```
//! use hardening::headers::{HeaderSettings, SecurityHeaders};
//! use hardening_tower::security_headers::SecurityHeadersLayer;
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let headers = SecurityHeaders::new(&HeaderSettings::default());
//! let service = ServiceBuilder::new().layer(SecurityHeadersLayer::new(&headers)).service(service_fn(
//!     async |_: Request<String>| Ok::<_, std::convert::Infallible>(Response::new(String::new())),
//! ));
//! let response = service.oneshot(Request::new(String::new())).await.unwrap();
//! assert_eq!(response.headers()["x-frame-options"], "DENY");
//! assert!(!response.headers().contains_key("strict-transport-security"));
//! # });
//! ```

mod layer;
mod service;

pub use layer::SecurityHeadersLayer;
pub use service::{SecurityHeadersService, SetHeaders};
