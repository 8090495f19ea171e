//! Who is behind a request: the session, resumed from its bearer token.
//!
//! * The application says, request by request, how a session may travel ([`Transport`]): JSON routes read the
//!   `Authorization` header only, pages the cookie only. So no cookie ever moves a JSON route and no bearer
//!   a page.
//! * The token is verified first (`hardening::session::token`), then the session is looked up and its last
//!   activity noted. The outcome, a [`SessionState`], goes into the request's extensions.
//! * Only what is ambiguous is refused here, with 400: two `Authorization` headers, or two different session
//!   cookies (RFC 6750, 3.1; OWASP Session Management cheat sheet). All else is the routes' business: a
//!   missing session may be fine, and a store that is away is a 503 and never a 401, which would sign
//!   people out.
//!
//! ```
//! use hardening_tower::session::{SessionState, Transport};
//! use http::request::Parts;
//!
//! fn transport(parts: &Parts) -> Transport {
//!     if parts.uri.path().starts_with("/api/") { Transport::Bearer } else { Transport::Cookie }
//! }
//! fn may_see_own_data(state: &SessionState) -> bool {
//!     matches!(state, SessionState::SignedIn(session, _) if !session.person_id.is_empty())
//! }
//! assert!(!may_see_own_data(&SessionState::Anonymous));
//! ```

mod credentials;
mod layer;
mod service;

use std::sync::Arc;

use hardening::fault::Fault;
use hardening::session::Session;
use hardening::session::token::{SessionClaims, TokenRefused};

pub use layer::SessionLayer;
pub use service::SessionService;

/// How a session may travel with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `Authorization: Bearer <token>`; cookies are not looked at.
    Bearer,
    /// The session cookie; the `Authorization` header is not looked at.
    Cookie,
    /// Not at all: nothing is read and nothing is looked up.
    None,
}

/// What is known of the session of a request. In the request's extensions.
#[derive(Clone, Debug)]
pub enum SessionState {
    /// A live session and the claims of its token. The caller still compares the credential epoch.
    SignedIn(Arc<Session>, Arc<SessionClaims>),
    /// No credentials were sent.
    Anonymous,
    /// Credentials were sent, but they are worth nothing.
    Invalid(InvalidSession),
    /// Nobody can tell right now.
    StoreAway(Fault),
}

/// Why credentials are worth nothing. For the log; clients are told only that it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSession {
    /// The token itself is no good.
    Token(TokenRefused),
    /// The token is good, but its session has ended.
    Gone,
}
