use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{RequestId, RequestIdLayer};
use crate::response_future::{Finish, ResponseFuture};

/// The service of [`super::RequestIdLayer`].
#[derive(Clone)]
pub struct RequestIdService<S> {
    pub(super) inner: S,
    pub(super) layer: RequestIdLayer,
}

impl<S: fmt::Debug> fmt::Debug for RequestIdService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIdService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Writes the name into the response.
#[derive(Debug)]
pub struct NameResponse(RequestId);

impl<B> Finish<B> for NameResponse {
    fn finish(self, mut response: Response<B>) -> Response<B> {
        self.0.write(response.headers_mut());
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
        let id = self.layer.name(&parts);
        parts.extensions.insert(id);
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::inner(future, Some(NameResponse(id)))
    }
}
