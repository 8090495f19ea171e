use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::layer::Prepared;
use crate::response_future::{Finish, ResponseFuture};

/// The service of [`super::SecurityHeadersLayer`].
#[derive(Clone, Debug)]
pub struct SecurityHeadersService<S> {
    pub(super) inner: S,
    pub(super) prepared: Arc<Prepared>,
}

/// Writes the headers into the response.
#[derive(Debug)]
pub struct SetHeaders {
    prepared: Arc<Prepared>,
    https: bool,
}

impl<B> Finish<B> for SetHeaders {
    fn finish(self, mut response: Response<B>) -> Response<B> {
        let headers = response.headers_mut();
        headers.reserve(self.prepared.always.len() + 2);
        for (name, value) in &self.prepared.always {
            headers.insert(name.clone(), value.clone());
        }
        if let (true, Some((name, value))) = (self.https, &self.prepared.hsts) {
            headers.insert(name.clone(), value.clone());
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
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
        let https = self.prepared.is_https(request.uri(), request.headers(), request.extensions());
        let finish = SetHeaders { prepared: Arc::clone(&self.prepared), https };
        ResponseFuture::inner(self.inner.call(request), Some(finish))
    }
}
