use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::Session;
use hardening::session::token::SessionClaims;
use http::request::Parts;
use http::{Request, Response};
use tower_service::Service;

use super::credentials::{Ambiguous, token};
#[cfg(feature = "rate_limit")]
use super::layer::Limited;
use super::layer::Shared;
use super::{InvalidSession, SessionState};
use crate::Refusal;
#[cfg(feature = "rate_limit")]
use crate::rate_limit::TrafficTaken;

/// The service of [`super::SessionLayer`].
#[derive(Clone)]
pub struct SessionService<S> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared>,
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Shared {
    async fn state(&self, parts: &mut Parts) -> Result<SessionState, Ambiguous> {
        let transport = (self.transport)(parts);
        let Some(token) = token(&parts.headers, transport, &self.cookie_name)? else {
            return Ok(SessionState::Anonymous);
        };
        let now = self.clock.now();
        let claims = match self.tokens.verify(token, now) {
            Ok(claims) => claims,
            Err(refused) => return Ok(SessionState::Invalid(InvalidSession::Token(refused))),
        };
        Ok(match self.resume(parts, &claims, now).await {
            // The store found it under the person and the id; the organization is compared here.
            Ok(Some(session)) if session.org_id == claims.org => {
                SessionState::SignedIn(Arc::new(session), claims)
            }
            Ok(_) => SessionState::Invalid(InvalidSession::Gone),
            Err(fault) => SessionState::StoreAway(fault),
        })
    }

    #[cfg(not(feature = "rate_limit"))]
    async fn resume(
        &self,
        _: &mut Parts,
        claims: &SessionClaims,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        self.store.resume(&claims.sub, &claims.sid, now).await
    }

    /// The session; what its limits say goes into the extensions.
    #[cfg(feature = "rate_limit")]
    async fn resume(
        &self,
        parts: &mut Parts,
        claims: &SessionClaims,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        let limited = self.limited.as_ref();
        let limits = limited.and_then(|limited| Some((limited, (limited.limits)(parts, claims)?)));
        let Some((Limited { store, .. }, limits)) = limits else {
            return self.store.resume(&claims.sub, &claims.sid, now).await;
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: From<String>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The service that was found ready is the one to call; its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match shared.state(&mut parts).await {
                Ok(state) => parts.extensions.insert(state),
                Err(Ambiguous) => return Ok(Refusal::AmbiguousCredentials.into_response()),
            };
            inner.call(Request::from_parts(parts, body)).await
        })
    }
}
