//! A name for every request, to find it again in logs.
//!
//! * 128 random bits as 32 hexadecimal digits, in the request's extensions as [`RequestId`] and in the
//!   response as `X-Request-Id`.
//! * A name that the request brings is kept only when the application trusts where it comes from, and only
//!   when it is short and plain, so that nobody writes into our logs (ASVS 5.0, 16.4.1).
//!
//! ```
//! use std::sync::Arc;
//! use hardening::entropy::OsEntropy;
//! use hardening_tower::request_id::{RequestId, RequestIdLayer};
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new(Arc::new(OsEntropy))).service(service_fn(
//!     async |request: Request<String>| {
//!         let id = request.extensions().get::<RequestId>().expect("set by the layer").to_string();
//!         Ok::<_, std::convert::Infallible>(Response::new(id))
//!     },
//! ));
//! let response = service.oneshot(Request::new(String::new())).await.unwrap();
//! assert_eq!(response.headers()["x-request-id"], response.body().as_str());
//! # });
//! ```

mod layer;
mod service;

use std::fmt;
use std::sync::Arc;

pub use layer::RequestIdLayer;
pub use service::{NameResponse, RequestIdService};

/// The most characters kept of a name that a request brings.
const MAX_LENGTH: usize = 64;

/// The request's name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The text form: 1 to 64 of `A–Z a–z 0–9 - _ .`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a name from elsewhere; `None` unless it is short and plain.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        ((1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hardening::hex::lower(&bytes).into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
