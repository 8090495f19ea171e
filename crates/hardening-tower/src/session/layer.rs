use std::fmt;
use std::sync::Arc;

use hardening::clock::{Clock, Timestamp};
use hardening::fault::Fault;
#[cfg(feature = "rate_limit")]
use hardening::rate_limit::QuotaStore;
use hardening::session::token::{SessionClaims, TokenKeys};
use hardening::session::{Session, SessionStore};
use http::request::Parts;
use tower_layer::Layer;

use super::credentials::{Ambiguous, token};
use super::{InvalidSession, SessionService, SessionState, Transport};
use crate::Refusal;
#[cfg(feature = "rate_limit")]
use crate::rate_limit::{TrafficLimits, TrafficTaken};

/// Resumes sessions.
#[derive(Clone)]
pub struct SessionLayer {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    tokens: TokenKeys,
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    cookie_name: String,
    transport: Arc<TransportOf>,
    #[cfg(feature = "rate_limit")]
    limited: Option<Limited>,
}

type TransportOf = dyn Fn(&Parts) -> Transport + Send + Sync;

/// Traffic limits that are taken together with the session.
#[cfg(feature = "rate_limit")]
#[derive(Clone)]
struct Limited {
    store: Arc<dyn QuotaStore>,
    limits: Arc<LimitsOf>,
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

impl SessionLayer {
    /// Who is behind the request. What its limits say goes into the extensions.
    ///
    /// # Errors
    /// [`Refusal::AmbiguousCredentials`].
    pub async fn resume(&self, parts: &mut Parts) -> Result<SessionState, Refusal> {
        let shared = &*self.shared;
        let transport = (shared.transport)(parts);
        let sent = token(&parts.headers, transport, &shared.cookie_name);
        let Some(token) = sent.map_err(|Ambiguous| Refusal::AmbiguousCredentials)? else {
            return Ok(SessionState::Anonymous);
        };
        let now = shared.clock.now();
        let claims = match shared.tokens.verify_again(token, now) {
            Ok(claims) => claims,
            Err(refused) => return Ok(SessionState::Invalid(InvalidSession::Token(refused))),
        };
        Ok(match shared.resume(parts, &claims, now).await {
            // The store found it under the person and the id; the organization is compared here.
            Ok(Some(session)) if session.org_id == claims.org => SessionState::SignedIn(session, claims),
            Ok(_) => SessionState::Invalid(InvalidSession::Gone),
            Err(fault) => SessionState::StoreAway(fault),
        })
    }
}

impl Shared {
    #[cfg(not(feature = "rate_limit"))]
    async fn resume(
        &self,
        _: &mut Parts,
        claims: &SessionClaims,
        now: Timestamp,
    ) -> Result<Option<Arc<Session>>, Fault> {
        Ok(self.store.resume(&claims.sub, &claims.sid, now).await?.map(Arc::new))
    }

    /// The session; what its limits say goes into the extensions.
    #[cfg(feature = "rate_limit")]
    async fn resume(
        &self,
        parts: &mut Parts,
        claims: &SessionClaims,
        now: Timestamp,
    ) -> Result<Option<Arc<Session>>, Fault> {
        let limited = self.limited.as_ref();
        let limits = limited.and_then(|limited| Some((limited, (limited.limits)(parts, claims)?)));
        let Some((Limited { store, .. }, limits)) = limits else {
            return Ok(self.store.resume(&claims.sub, &claims.sid, now).await?.map(Arc::new));
        };
        let (person, id, keys) = (&claims.sub, &claims.sid, limits.keys());
        let (session, decision) = self.store.resume_and_take(person, id, now, keys, &**store).await?;
        let session = session.filter(|session| session.org_id == claims.org);
        if let (Some(_), Some(decision)) = (&session, decision) {
            parts.extensions.insert(TrafficTaken(decision, limits));
        }
        Ok(session)
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
        SessionService { inner, layer: self.clone() }
    }
}
