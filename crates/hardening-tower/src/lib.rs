//! Layers that harden any tower or axum application. Built on `http` and `tower` only; the rules are those
//! of the `hardening` crate.
//!
//! * One layer a folder, one Cargo feature a layer; each works alone.
//! * A layer that refuses a request answers with a plain status and a line of text, and leaves the typed
//!   reason, a [`Refusal`], in the response's extensions, so that an outer layer of the application can say
//!   it in its own form.
//! * Layers tell each other things through request extensions, each of a type of its own.
//!
//! From the outside in, an application adds: [`request_id`], [`security_headers`] (so that refusals carry
//! them), [`client_address`], `csrf::CrossOriginLayer`, `rate_limit` for strangers, `session`,
//! `csrf::CsrfTokenLayer`. The server inserts a [`PeerAddress`] into every request before all of them.
//!
//! The body type of the responses must be `From<String>`, as axum's and `http_body_util::Full` are.

mod header_lines;
mod peer;
mod refusal;
#[cfg(any(feature = "csrf", feature = "request_id", feature = "security_headers"))]
mod response_future;

#[cfg(feature = "client_address")]
pub mod client_address;
#[cfg(feature = "csrf")]
pub mod csrf;
#[cfg(feature = "rate_limit")]
pub mod rate_limit;
#[cfg(feature = "request_id")]
pub mod request_id;
#[cfg(feature = "security_headers")]
pub mod security_headers;
#[cfg(feature = "session")]
pub mod session;

pub use peer::{ForwardedHttps, PeerAddress};
pub use refusal::Refusal;
#[cfg(any(feature = "csrf", feature = "request_id", feature = "security_headers"))]
pub use response_future::{Finish, ResponseFuture};
