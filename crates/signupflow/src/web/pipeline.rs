//! [`Pipeline`]: the way of a request to its handler and of the answer back, in one place. Everything it passes is here
//! in its order, with the reason of its place. One service and not one a step: a chain of layers moves request and
//! answer from hand to hand and costs more than what the steps do (`docs/performance.md`).

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use hardening::client_address::ClientAddress;
use hardening_tower::client_address::ClientAddressLayer;
use hardening_tower::csrf::{CrossOriginLayer, CsrfTokenLayer};
use hardening_tower::rate_limit::{Drawn, RateLimitLayer};
use hardening_tower::request_id::RequestIdLayer;
use hardening_tower::security_headers::SecurityHeadersLayer;
use hardening_tower::session::{SessionLayer, SessionState};
use hardening_tower::{ForwardedHttps, PeerAddress, Refusal};
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tower::{BoxError, Service};
use tracing::Instrument as _;

use super::access_log::AccessLog;
use super::arrival::Arrival;
use super::cors::CrossOriginReading;
use super::head_limits::HeadLimits;
use super::https_only::HttpsOnly;
use super::problem::Problem;
use super::state::AppState;
use super::{audit_refusals, idempotency, last_resort, limits, one_host, shedding};

/// A request that has not been answered by then is given up; changes under way still run to their end. Shorter
/// than the lease of a reserved attempt.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(14);

/// What requests pass.
pub(super) struct Checks {
    pub(super) state: AppState,
    pub(super) names: RequestIdLayer,
    pub(super) log: AccessLog,
    pub(super) headers: Option<SecurityHeadersLayer>,
    pub(super) head: HeadLimits,
    pub(super) addresses: ClientAddressLayer,
    pub(super) https_only: HttpsOnly,
    pub(super) reading: CrossOriginReading,
    pub(super) origins: CrossOriginLayer,
    pub(super) sessions: SessionLayer,
    pub(super) traffic: Option<RateLimitLayer>,
    pub(super) tokens: Option<CsrfTokenLayer>,
}

/// The whole application. Clones share everything.
#[derive(Clone)]
pub struct Pipeline {
    checks: Arc<Checks>,
    routes: Router,
}

/// A request on its way, handed on by reference: it is a large value, and every step would keep two copies of it.
struct Underway {
    parts: Parts,
    body: Body,
}

impl Underway {
    fn take(&mut self) -> Request {
        let parts = std::mem::replace(&mut self.parts, Request::new(()).into_parts().0);
        Request::from_parts(parts, std::mem::take(&mut self.body))
    }
}

impl<B> Service<http::Request<B>> for Pipeline
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let pipeline = self.clone();
        let (parts, body) = request.into_parts();
        let body = if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        Box::pin(async move { Ok(pipeline.answer(Underway { parts, body }).await) })
    }
}

impl Pipeline {
    pub(super) fn new(checks: Checks, routes: Router) -> Self {
        Self { checks: Arc::new(checks), routes }
    }

    /// What every answer has, whoever made it: a number, a line in the log, the security headers; refusals become
    /// problem documents.
    async fn answer(self, mut request: Underway) -> Response {
        let Checks { state, names, log, headers, head, .. } = &*self.checks;
        let parts = &mut request.parts;
        let id = names.name(parts);
        let is_https = headers.as_ref().map(|set| set.is_https(&parts.headers, &parts.extensions));
        // An oversized head is refused before anything looks into it.
        let verdict = head.check(&parts.uri, &parts.headers);
        let sender = if verdict.is_ok() { self.checks.sender_of(parts) } else { None };
        // Everything inside knows one client address: limits, sessions and audit alike.
        let arrival = Arrival::new(id, parts, sender);
        parts.extensions.insert(arrival.clone());
        let span = tracing::info_span!("request", id = arrival.id().as_str());
        let response = match verdict {
            Ok(()) => self.in_time(&mut request, &arrival).instrument(span).await,
            Err(problem) => problem.into_response(),
        };
        let response = limits::reported(response, &arrival, state);
        let mut response = last_resort::rendered(response, &arrival, &*state.nonces);
        if let (Some(set), Some(is_https)) = (headers, is_https) {
            set.write(is_https, response.headers_mut());
        }
        // Also without the security headers: most answers are about people.
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        log.note(&arrival, response.status());
        arrival.id().write(response.headers_mut());
        response
    }

    /// Neither a panic nor a handler that hangs takes the connection with it.
    async fn in_time(&self, request: &mut Underway, arrival: &Arrival) -> Response {
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, self.recorded(request, arrival));
        match AssertUnwindSafe(answered).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Err(panic) => last_resort::panicked(panic),
        }
    }

    /// Refusals that speak of an attempt are put on record, and so is a panic.
    async fn recorded(&self, request: &mut Underway, arrival: &Arrival) -> Response {
        let Checks { state, https_only, reading, .. } = &*self.checks;
        let parts = &request.parts;
        if let Some(refusal) =
            one_host::refusal(parts).or_else(|| https_only.refusal(&parts.uri, arrival.told_https()))
        {
            return refusal;
        }
        let reader = match reading.reader_of(parts) {
            Ok(reader) => reader,
            Err(preflight) => return preflight,
        };
        let answered = AssertUnwindSafe(self.in_turn(request, arrival)).catch_unwind().await;
        let response = answered.unwrap_or_else(last_resort::panicked);
        let response = audit_refusals::on_record(state, arrival, response).await;
        CrossOriginReading::readable(response, reader)
    }

    /// Who has no room is sent away before anything costs much.
    async fn in_turn(&self, request: &mut Underway, arrival: &Arrival) -> Response {
        let Some(place) = shedding::place(&self.checks.state, &request.parts, &mut request.body).await else {
            return Problem::of("busy").with_retry_after(1).into_response();
        };
        let response = self.identified(request, arrival).await;
        drop(place);
        response
    }

    async fn identified(&self, request: &mut Underway, arrival: &Arrival) -> Response {
        let Checks { origins, sessions, traffic, .. } = &*self.checks;
        let parts = &mut request.parts;
        // Requests from other sites are refused before anything is looked up for them.
        if !origins.lets_pass(&parts.method, &parts.headers) {
            return Refusal::CrossOrigin.into_response();
        }
        // One signature check, and one look into the store that also takes from the person's limits.
        match sessions.resume(parts).await {
            Ok(state) => arrival.found(state),
            Err(refusal) => return refusal.into_response(),
        }
        // Counts per person where there is a live session, else per address: so it follows the session.
        let Some((traffic, draw)) =
            traffic.as_ref().and_then(|traffic| Some((traffic, traffic.draw(parts)?)))
        else {
            return self.handled(request, arrival).await;
        };
        let drawn: Drawn = match traffic.take(draw).await {
            Ok(drawn) => drawn,
            Err(fault) => return Refusal::BackendAway(fault).into_response(),
        };
        let mut response = match drawn.refusal() {
            None => self.handled(request, arrival).await,
            Some(refusal) => refusal.into_response(),
        };
        drawn.write(response.headers_mut());
        response
    }

    /// The token check knows the session, and runs before any handler; retries are recognised last, of those who may ask.
    async fn handled(&self, request: &mut Underway, arrival: &Arrival) -> Response {
        let Checks { state, tokens, .. } = &*self.checks;
        let session = match arrival.session() {
            SessionState::SignedIn(session, _) => Some(&session.id),
            _ => None,
        };
        if let Some(Err(reason)) = tokens.as_ref().map(|tokens| tokens.check_header(&request.parts, session))
        {
            return Refusal::Csrf(reason).into_response();
        }
        idempotency::once(state, arrival, self.routes.clone(), request.take()).await
    }
}

impl Checks {
    fn sender_of(&self, parts: &Parts) -> Option<(ClientAddress, ForwardedHttps)> {
        let peer = parts.extensions.get::<PeerAddress>()?;
        Some(self.addresses.find(*peer, &parts.headers))
    }
}
