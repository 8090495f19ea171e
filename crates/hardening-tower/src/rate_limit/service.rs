use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::RateLimitLayer;
use crate::Refusal;

/// The service of [`super::RateLimitLayer`].
#[derive(Clone)]
pub struct RateLimitService<S> {
    pub(super) inner: S,
    pub(super) layer: RateLimitLayer,
}

impl<S: fmt::Debug> fmt::Debug for RateLimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService").field("inner", &self.inner).finish_non_exhaustive()
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
        let Some(draw) = self.layer.draw(&mut parts) else {
            return Box::pin(self.inner.call(Request::from_parts(parts, body)));
        };
        let request = Request::from_parts(parts, body);
        // The service that was found ready is the one to call; its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let drawn = match layer.take(draw).await {
                Ok(drawn) => drawn,
                Err(fault) => return Ok(Refusal::BackendAway(fault).into_response()),
            };
            let mut response = match drawn.refusal() {
                None => inner.call(request).await?,
                Some(refusal) => refusal.into_response(),
            };
            drawn.write(response.headers_mut());
            Ok(response)
        })
    }
}
