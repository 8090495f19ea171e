//! The client's address, also behind proxies.
//!
//! * Reads the [`PeerAddress`](crate::PeerAddress) that the server put into the request, and the forwarding
//!   header of trusted proxies; rules in `hardening::client_address`.
//! * Leaves a `ClientAddress` and a [`ForwardedHttps`](crate::ForwardedHttps) in the request's extensions.
//! * Without a peer address nothing is known and nothing is inserted: whatever counts by address must then
//!   refuse, not guess.
//!
//! What the deployment must ensure: the server inserts the peer address itself.
//!
//! ```
//! use std::sync::Arc;
//! use hardening::client_address::{ClientAddress, TrustedProxies};
//! use hardening_tower::{PeerAddress, client_address::ClientAddressLayer};
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let nobody = Arc::new(TrustedProxies::default());
//! let service = ServiceBuilder::new().layer(ClientAddressLayer::new(nobody)).service(service_fn(
//!     async |request: Request<String>| {
//!         let client = request.extensions().get::<ClientAddress>().copied();
//!         Ok::<_, std::convert::Infallible>(Response::new(client))
//!     },
//! ));
//! let mut request = Request::new(String::new());
//! request.headers_mut().insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
//! request.extensions_mut().insert(PeerAddress("203.0.113.9:4711".parse().unwrap()));
//! let client = service.oneshot(request).await.unwrap().into_body().unwrap();
//! assert_eq!(client.bucket(), "203.0.113.9");
//! # });
//! ```

mod layer;
mod service;

pub use layer::ClientAddressLayer;
pub use service::ClientAddressService;
