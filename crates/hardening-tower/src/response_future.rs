//! The future of a layer that looks at a response, or makes one itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// Resolves to the inner service's response, finished by the layer, or to the layer's own refusal.
    #[derive(Debug)]
    pub struct ResponseFuture<F, B, M> {
        #[pin]
        state: State<F, B, M>,
    }
}

pin_project! {
    #[project = Projection]
    #[derive(Debug)]
    enum State<F, B, M> {
        Inner { #[pin] future: F, finish: Option<M> },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B, M> ResponseFuture<F, B, M> {
    /// The inner service is at work.
    pub(crate) const fn inner(future: F, finish: Option<M>) -> Self {
        Self { state: State::Inner { future, finish } }
    }
}

#[cfg(feature = "csrf")]
impl<F, B: From<String>, M> ResponseFuture<F, B, M> {
    /// The layer answers itself.
    pub(crate) fn refused(refusal: crate::Refusal) -> Self {
        Self { state: State::Refused { response: Some(refusal.into_response()) } }
    }
}

/// What a layer does with a response once it is there.
pub trait Finish<B> {
    /// The response as it goes on.
    fn finish(self, response: Response<B>) -> Response<B>;
}

impl<F, B, E, M> Future for ResponseFuture<F, B, M>
where
    F: Future<Output = Result<Response<B>, E>>,
    M: Finish<B>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Inner { future, finish } => {
                let response = ready!(future.poll(context))?;
                Poll::Ready(Ok(match finish.take() {
                    Some(finish) => finish.finish(response),
                    None => response,
                }))
            }
            Projection::Refused { response } => {
                Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")))
            }
        }
    }
}
