//! The future of a layer that looks at a response, or makes one itself. For layers of the application too:
//! nothing is boxed.

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
        Answered { response: Option<Response<B>> },
    }
}

impl<F, B, M> ResponseFuture<F, B, M> {
    /// The inner service is at work.
    pub const fn inner(future: F, finish: Option<M>) -> Self {
        Self { state: State::Inner { future, finish } }
    }

    /// The layer answers itself.
    pub const fn answered(response: Response<B>) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }
}

#[cfg(feature = "csrf")]
impl<F, B: From<String>, M> ResponseFuture<F, B, M> {
    /// The layer refuses.
    pub(crate) fn refused(refusal: crate::Refusal) -> Self {
        Self::answered(refusal.into_response())
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
            Projection::Answered { response } => {
                Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")))
            }
        }
    }
}
