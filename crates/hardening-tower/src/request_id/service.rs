use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use hardening::entropy::{Entropy, random_bytes};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use tower_service::Service;

use super::RequestId;
use super::layer::Trust;
use crate::header_lines::{Single, single};
use crate::response_future::{Finish, ResponseFuture};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The service of [`super::RequestIdLayer`].
#[derive(Clone)]
pub struct RequestIdService<S> {
    pub(super) inner: S,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) trust: Option<Arc<Trust>>,
}

impl<S: fmt::Debug> fmt::Debug for RequestIdService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIdService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S> RequestIdService<S> {
    fn incoming(&self, parts: &Parts) -> Option<RequestId> {
        let trust = self.trust.as_ref()?;
        let Single::One(name) = single(&parts.headers, X_REQUEST_ID) else { return None };
        let name = RequestId::parse(std::str::from_utf8(name).ok()?)?;
        trust(parts).then_some(name)
    }
}

/// Writes the name into the response.
#[derive(Debug)]
pub struct NameResponse(RequestId);

impl<B> Finish<B> for NameResponse {
    fn finish(self, mut response: Response<B>) -> Response<B> {
        if let Ok(value) = HeaderValue::from_str(self.0.as_str()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response.extensions_mut().insert(self.0);
        response
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestIdService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, NameResponse>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let id = self
            .incoming(&parts)
            .unwrap_or_else(|| RequestId::from_bytes(random_bytes(self.entropy.as_ref())));
        parts.extensions.insert(id.clone());
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::inner(future, Some(NameResponse(id)))
    }
}
