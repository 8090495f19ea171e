use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use hardening::clock::Clock;
use hardening::csrf::{CsrfKeys, CsrfRefusal, OriginPolicy, is_safe_method};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use tower_service::Service;

use super::CsrfPending;
use super::layer::FormRoutes;
use crate::Refusal;
use crate::header_lines::{Single, single};
use crate::response_future::{Finish, ResponseFuture};
use crate::session::SessionState;

/// The service of [`super::CrossOriginLayer`].
#[derive(Clone, Debug)]
pub struct CrossOriginService<S> {
    pub(super) inner: S,
    pub(super) policy: Arc<OriginPolicy>,
}

impl<S> CrossOriginService<S> {
    fn comes_from_here(&self, method: &str, headers: &HeaderMap) -> bool {
        if is_safe_method(method) {
            return true;
        }
        let value = |name| match single(headers, name) {
            Single::Absent => Some(None),
            Single::One(value) => Some(Some(value)),
            Single::Repeated => None,
        };
        match (value("sec-fetch-site"), value("origin")) {
            (Some(site), Some(origin)) => self.policy.check(method, site, origin).is_ok(),
            _ => false,
        }
    }
}

/// Leaves the response as it is.
#[derive(Debug)]
pub struct PassOn;

impl<B> Finish<B> for PassOn {
    fn finish(self, response: Response<B>) -> Response<B> {
        response
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CrossOriginService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<String>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, PassOn>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.comes_from_here(request.method().as_str(), request.headers()) {
            ResponseFuture::inner(self.inner.call(request), None)
        } else {
            ResponseFuture::refused(Refusal::CrossOrigin)
        }
    }
}

/// The service of [`super::CsrfTokenLayer`].
#[derive(Clone)]
pub struct CsrfTokenService<S> {
    pub(super) inner: S,
    pub(super) keys: Arc<CsrfKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) form_routes: Option<Arc<FormRoutes>>,
}

impl<S: fmt::Debug> fmt::Debug for CsrfTokenService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfTokenService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S> CsrfTokenService<S> {
    /// What must still be checked by the handler, if anything.
    fn check(&self, parts: &Parts) -> Result<Option<CsrfPending>, CsrfRefusal> {
        if is_safe_method(parts.method.as_str()) {
            return Ok(None);
        }
        let Some(SessionState::SignedIn(session, _)) = parts.extensions.get::<SessionState>() else {
            return Ok(None);
        };
        let token = match single(&parts.headers, "x-csrf-token") {
            Single::Absent if self.is_form_route(parts) => {
                return Ok(Some(CsrfPending {
                    keys: Arc::clone(&self.keys),
                    clock: Arc::clone(&self.clock),
                    session: session.id.clone(),
                    checked: Arc::new(AtomicBool::new(false)),
                }));
            }
            Single::Absent => return Err(CsrfRefusal::Missing),
            Single::Repeated => return Err(CsrfRefusal::Invalid),
            Single::One(value) => std::str::from_utf8(value).map_err(|_| CsrfRefusal::Invalid)?,
        };
        self.keys.verify(Some(token), &session.id, self.clock.now()).map(|()| None)
    }

    fn is_form_route(&self, parts: &Parts) -> bool {
        self.form_routes.as_ref().is_some_and(|routes| is_form(&parts.headers) && routes(parts))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let Single::One(value) = single(headers, CONTENT_TYPE) else { return false };
    let essence = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        || essence.eq_ignore_ascii_case(b"multipart/form-data")
}

/// Turns a good answer of a handler that did not check its form's token into a refusal.
#[derive(Debug)]
pub struct DemandCheck(CsrfPending);

impl<B: From<String>> Finish<B> for DemandCheck {
    fn finish(self, response: Response<B>) -> Response<B> {
        let failed = response.status().is_client_error() || response.status().is_server_error();
        if failed || self.0.was_checked() {
            return response;
        }
        Refusal::Csrf(CsrfRefusal::Missing).into_response()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CsrfTokenService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<String>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, DemandCheck>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let pending = match self.check(&parts) {
            Ok(pending) => pending,
            Err(reason) => return ResponseFuture::refused(Refusal::Csrf(reason)),
        };
        if let Some(pending) = &pending {
            parts.extensions.insert(pending.clone());
        }
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::inner(future, pending.map(DemandCheck))
    }
}
