use std::fmt;
use std::task::{Context, Poll};

use hardening::csrf::CsrfRefusal;
use http::{Request, Response};
use tower_service::Service;

use super::{CrossOriginLayer, CsrfPending, CsrfTokenLayer};
use crate::Refusal;
use crate::response_future::{Finish, ResponseFuture};

/// The service of [`super::CrossOriginLayer`].
#[derive(Clone, Debug)]
pub struct CrossOriginService<S> {
    pub(super) inner: S,
    pub(super) layer: CrossOriginLayer,
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
        if self.layer.lets_pass(request.method(), request.headers()) {
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
    pub(super) layer: CsrfTokenLayer,
}

impl<S: fmt::Debug> fmt::Debug for CsrfTokenService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfTokenService").field("inner", &self.inner).finish_non_exhaustive()
    }
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
        let pending = match self.layer.check(&parts) {
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
