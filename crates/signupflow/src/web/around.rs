//! [`Around`]: what is done before a request goes in and after its answer comes out, as a layer that needs
//! no box and no clone of what is inside it. `axum::middleware::from_fn` needs both, for each request.

use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hardening_tower::{Finish, ResponseFuture};
use tower::{Layer, Service};

/// Both sides of a request. Clones are made for every request and must be cheap.
pub trait Around: Clone {
    /// What is kept from the request until its answer is there.
    type Kept;

    /// Looks at the request, or answers in its place.
    ///
    /// # Errors
    /// The answer, which goes out as it is.
    fn before(&self, request: &mut Request) -> Result<Self::Kept, Response>;

    /// The answer as it goes on.
    fn after(self, kept: Self::Kept, response: Response) -> Response;
}

/// The layer of an [`Around`].
#[derive(Clone)]
pub struct AroundLayer<A>(pub A);

impl<S, A: Clone> Layer<S> for AroundLayer<A> {
    type Service = AroundService<S, A>;

    fn layer(&self, inner: S) -> Self::Service {
        AroundService { inner, around: self.0.clone() }
    }
}

/// The service of [`AroundLayer`].
#[derive(Clone)]
pub struct AroundService<S, A> {
    inner: S,
    around: A,
}

/// An [`Around`] that waits for its answer.
pub struct Waiting<A: Around> {
    around: A,
    kept: A::Kept,
}

impl<A: Around> Finish<Body> for Waiting<A> {
    fn finish(self, response: Response) -> Response {
        self.around.after(self.kept, response)
    }
}

impl<S, A> Service<Request> for AroundService<S, A>
where
    S: Service<Request, Response = Response>,
    A: Around,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, Body, Waiting<A>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.around.before(&mut request) {
            Ok(kept) => {
                let waiting = Waiting { around: self.around.clone(), kept };
                ResponseFuture::inner(self.inner.call(request), Some(waiting))
            }
            Err(response) => ResponseFuture::answered(response),
        }
    }
}
