use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, headers};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Request, Response};
use tower_service::Service;

use super::layer::Shared;
use super::{TrafficLimits, TrafficTaken};
use crate::Refusal;

/// The service of [`super::RateLimitLayer`].
#[derive(Clone)]
pub struct RateLimitService<S> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared>,
}

impl<S: fmt::Debug> fmt::Debug for RateLimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// What a response has in the end, at most.
const USUAL_HEADERS: usize = 24;

fn add_numbers(to: &mut HeaderMap, decision: &Decision, policy: &str, now: Timestamp) {
    // All of one limit or none: mixed numbers would describe a limit that does not exist.
    if to.contains_key("x-ratelimit-limit") {
        return;
    }
    // Room for those of the outer layers too: a map that grows hashes all of its names again.
    to.reserve(USUAL_HEADERS);
    for (name, value) in headers::values(decision, policy, now) {
        if let Ok(value) = HeaderValue::try_from(value) {
            to.insert(HeaderName::from_static(name), value);
        }
    }
}

impl Shared {
    /// What an earlier layer has taken, else what the store says now.
    async fn decide(
        &self,
        taken: Option<TrafficTaken>,
        limits: Option<TrafficLimits>,
        now: Timestamp,
    ) -> Result<(Decision, TrafficLimits), Fault> {
        if let Some(TrafficTaken(decision, limits)) = taken {
            return Ok((decision, limits));
        }
        let limits = limits.unwrap_or_default();
        Ok((self.store.take(limits.keys(), now).await?, limits))
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimitService<S>
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
        let (mut parts, body) = request.into_parts();
        let taken = parts.extensions.remove::<TrafficTaken>();
        let limits = if taken.is_none() { (self.shared.limits)(&parts) } else { None };
        let request = Request::from_parts(parts, body);
        let limits = limits.filter(|limits| !limits.keys().is_empty());
        if taken.is_none() && limits.is_none() {
            return Box::pin(self.inner.call(request));
        }
        // The service that was found ready is the one to call; its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let now = shared.clock.now();
            let (decision, limits) = match shared.decide(taken, limits, now).await {
                Ok(decided) => decided,
                Err(fault) => return Ok(Refusal::BackendAway(fault).into_response()),
            };
            let mut response = if decision.allowed {
                inner.call(request).await?
            } else {
                Refusal::RateLimited(decision).into_response()
            };
            add_numbers(response.headers_mut(), &decision, limits.policy(decision.policy), now);
            Ok(response)
        })
    }
}
