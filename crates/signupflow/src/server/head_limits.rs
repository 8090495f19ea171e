//! The layer that refuses heads no honest client sends, with a problem where the bare server could only
//! answer an empty 431.
//!
//! Put it inside the layers that add the request id and the security headers, so that its refusals have
//! them, and outside of everything that reads headers.

use std::task::{Context, Poll};

use axum::{
    http::{HeaderMap, Request, Uri},
    response::{IntoResponse, Response},
};
use futures_util::future::{Either, Ready, ready};
use tower::{Layer, Service};

use crate::web::problem::Problem;

/// What the head of one request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of path and query; more is 414.
    pub uri_bytes: usize,
    /// Bytes of all header names and values; more is 431.
    pub header_bytes: usize,
    /// Number of header fields; more is 431.
    pub header_fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { uri_bytes: 8 * 1024, header_bytes: 16 * 1024, header_fields: 100 }
    }
}

impl HeadLimits {
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
        if uri_bytes > self.uri_bytes {
            let detail = format!("The address may have {} bytes at most.", self.uri_bytes);
            return Err(Problem::of("uri_too_long").with_detail(detail));
        }
        let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > self.header_fields || header_bytes > self.header_bytes {
            let Self { header_bytes, header_fields, .. } = self;
            let detail = format!(
                "At most {header_fields} header fields of {header_bytes} bytes together are accepted."
            );
            return Err(Problem::of("headers_too_large").with_detail(detail));
        }
        Ok(())
    }
}

impl<S> Layer<S> for HeadLimits {
    type Service = LimitedHead<S>;

    fn layer(&self, inner: S) -> LimitedHead<S> {
        LimitedHead { limits: *self, inner }
    }
}

/// The service of [`HeadLimits`].
#[derive(Debug, Clone)]
pub struct LimitedHead<S> {
    limits: HeadLimits,
    inner: S,
}

impl<S, B> Service<Request<B>> for LimitedHead<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.limits.check(request.uri(), request.headers()) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(problem) => Either::Left(ready(Ok(problem.into_response()))),
        }
    }
}
