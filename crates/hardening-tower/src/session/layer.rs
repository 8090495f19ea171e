use std::fmt;
use std::sync::Arc;

use hardening::clock::Clock;
#[cfg(feature = "rate_limit")]
use hardening::rate_limit::QuotaStore;
use hardening::session::SessionStore;
#[cfg(feature = "rate_limit")]
use hardening::session::token::SessionClaims;
use hardening::session::token::TokenKeys;
use http::request::Parts;
use tower_layer::Layer;

use super::{SessionService, Transport};
#[cfg(feature = "rate_limit")]
use crate::rate_limit::TrafficLimits;

/// Resumes sessions.
#[derive(Clone)]
pub struct SessionLayer {
    shared: Arc<Shared>,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) tokens: TokenKeys,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cookie_name: String,
    pub(super) transport: Arc<TransportOf>,
    #[cfg(feature = "rate_limit")]
    pub(super) limited: Option<Limited>,
}

type TransportOf = dyn Fn(&Parts) -> Transport + Send + Sync;

/// Traffic limits that are taken together with the session.
#[cfg(feature = "rate_limit")]
#[derive(Clone)]
pub(super) struct Limited {
    pub(super) store: Arc<dyn QuotaStore>,
    pub(super) limits: Arc<LimitsOf>,
}

#[cfg(feature = "rate_limit")]
type LimitsOf = dyn Fn(&Parts, &SessionClaims) -> Option<TrafficLimits> + Send + Sync;

impl SessionLayer {
    /// `transport` says how a session may travel with this request; `cookie_name` is the session cookie's
    /// exact name.
    pub fn new(
        tokens: TokenKeys,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        cookie_name: impl Into<String>,
        transport: impl Fn(&Parts) -> Transport + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            tokens,
            store,
            clock,
            cookie_name: cookie_name.into(),
            transport: Arc::new(transport),
            #[cfg(feature = "rate_limit")]
            limited: None,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes the traffic limits of signed-in requests together with the session, in one step where the stores
    /// can. `limits` must name all quotas of such a request; what was taken goes into the request's extensions
    /// as [`TrafficTaken`](crate::rate_limit::TrafficTaken), for the
    /// [`RateLimitLayer`](crate::rate_limit::RateLimitLayer) further in, without which nothing is refused.
    /// Nothing is taken for a session that is over, nor when `limits` says `None`: such a request is the inner
    /// layer's alone.
    #[cfg(feature = "rate_limit")]
    #[must_use]
    pub fn with_limits(
        self,
        store: Arc<dyn QuotaStore>,
        limits: impl Fn(&Parts, &SessionClaims) -> Option<TrafficLimits> + Send + Sync + 'static,
    ) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        shared.limited = Some(Limited { store, limits: Arc::new(limits) });
        Self { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, shared: Arc::clone(&self.shared) }
    }
}
