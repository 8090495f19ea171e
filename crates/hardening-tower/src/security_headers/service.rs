use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::SecurityHeadersLayer;
use crate::response_future::{Finish, ResponseFuture};

/// The service of [`super::SecurityHeadersLayer`].
#[derive(Clone, Debug)]
pub struct SecurityHeadersService<S> {
    pub(super) inner: S,
    pub(super) layer: SecurityHeadersLayer,
}

/// Writes the headers into the response.
#[derive(Debug)]
pub struct SetHeaders {
    layer: SecurityHeadersLayer,
    https: bool,
}

impl<B> Finish<B> for SetHeaders {
    fn finish(self, mut response: Response<B>) -> Response<B> {
        self.layer.write(self.https, response.headers_mut());
        response
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SecurityHeadersService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, SetHeaders>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let https = self.layer.is_https(request.headers(), request.extensions());
        let finish = SetHeaders { layer: self.layer.clone(), https };
        ResponseFuture::inner(self.inner.call(request), Some(finish))
    }
}
