//! Cross-site request forgery: two layers, as the first needs no session and must come before anything costly.
//!
//! * [`CrossOriginLayer`] refuses every unsafe request that a browser says comes from elsewhere; a header
//!   that stands there twice counts as elsewhere. Rules in `hardening::csrf::OriginPolicy`.
//! * [`CsrfTokenLayer`], inside the session layer, asks every unsafe request of a session for the session's
//!   token in `X-CSRF-Token`. Requests without a session pass: their handlers answer 401, or are meant for
//!   strangers.
//! * HTML forms carry the token in their body, which a layer does not read. Where the application says so
//!   ([`CsrfTokenLayer::form_field_where`]), a form without the header goes on, with a [`CsrfPending`] in its
//!   extensions, and the handler **must** check the field `csrf_token` with [`CsrfPending::verify`] before
//!   it does anything. A handler that forgets to gets its good answer turned into a refusal, so that its
//!   first test fails.
//! * No query parameter, no cookie, no method override is looked at.
//!
//! ```
//! use hardening::csrf::OriginPolicy;
//! use hardening_tower::{Refusal, csrf::CrossOriginLayer};
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let policy = OriginPolicy::new("https://app.example".into(), vec![]);
//! let service = ServiceBuilder::new().layer(CrossOriginLayer::new(policy)).service(service_fn(
//!     async |_: Request<String>| Ok::<_, std::convert::Infallible>(Response::new(String::new())),
//! ));
//! let request = Request::post("/").header("Origin", "https://evil.example").body(String::new()).unwrap();
//! let response = service.oneshot(request).await.unwrap();
//! assert_eq!(response.status(), 403);
//! assert_eq!(response.extensions().get::<Refusal>(), Some(&Refusal::CrossOrigin));
//! # });
//! ```

mod layer;
mod pending;
mod service;

pub use layer::{CrossOriginLayer, CsrfTokenLayer};
pub use pending::CsrfPending;
pub use service::{CrossOriginService, CsrfTokenService, DemandCheck, PassOn};
