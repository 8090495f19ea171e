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

use http::{HeaderMap, HeaderName, HeaderValue};

pub use layer::RequestIdLayer;
pub use service::{NameResponse, RequestIdService};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters kept of a name that a request brings.
const MAX_LENGTH: usize = 64;

/// The request's name. Cheap to clone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// Zeros after the text.
    text: [u8; MAX_LENGTH],
    length: usize,
}

impl RequestId {
    /// The text form: 1 to 64 of `A–Z a–z 0–9 - _ .`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }

    /// Reads a name from elsewhere; `None` unless it is short and plain.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        ((1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(plain))
            .then(|| Self::of_plain(text.as_bytes()))
    }

    /// Writes it into a response's headers, as `X-Request-Id`.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.text[..self.length]) {
            headers.insert(X_REQUEST_ID, value);
        }
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::of_plain(&hardening::hex::digits(&bytes))
    }

    fn of_plain(plain: &[u8]) -> Self {
        let mut text = [0; MAX_LENGTH];
        text[..plain.len()].copy_from_slice(plain);
        Self { text, length: plain.len() }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
