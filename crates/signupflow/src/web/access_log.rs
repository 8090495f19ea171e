//! One line for every request, and the counters of requests. Whatever is logged meanwhile is inside the
//! request's span and so carries its id.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hardening_tower::request_id::RequestId;
use hardening_tower::{Finish, ResponseFuture};
use http::{Method, Uri};
use metrics::Counter;
use tower::{Layer, Service};
use tracing::instrument::{Instrument as _, Instrumented};

/// Statuses are numbers below this.
const STATUSES: usize = 1000;

/// The layer.
#[derive(Clone)]
pub struct AccessLog(Arc<[OnceLock<Counter>]>);

impl Default for AccessLog {
    /// With counters that are looked up once a status.
    fn default() -> Self {
        Self((0..STATUSES).map(|_| OnceLock::new()).collect())
    }
}

impl AccessLog {
    fn count(&self, status: u16) {
        let register = || metrics::counter!("signupflow_http_requests_total", "status" => status.to_string());
        if let Some(counter) = self.0.get(usize::from(status)) {
            counter.get_or_init(register).increment(1);
        }
    }
}

impl<S> Layer<S> for AccessLog {
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged { inner, log: self.clone() }
    }
}

/// The service of [`AccessLog`].
#[derive(Clone)]
pub struct Logged<S> {
    inner: S,
    log: AccessLog,
}

/// What the line says of the request.
pub struct Line {
    log: AccessLog,
    id: Option<RequestId>,
    method: Method,
    uri: Uri,
}

impl Finish<Body> for Line {
    fn finish(self, response: Response) -> Response {
        let status = response.status().as_u16();
        self.log.count(status);
        let id = self.id.as_ref().map_or("", RequestId::as_str);
        tracing::info!(id, method = %self.method, path = ?self.uri.path(), status, "request");
        response
    }
}

impl<S> Service<Request> for Logged<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<Instrumented<S::Future>, Body, Line>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        let span = tracing::info_span!("request", id = id.as_ref().map_or("", RequestId::as_str));
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let line = Line { log: self.log.clone(), id, method, uri };
        ResponseFuture::inner(self.inner.call(request).instrument(span), Some(line))
    }
}
