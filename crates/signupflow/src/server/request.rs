//! Between hyper and the application: names the peer, notes how long a request lasts, and lets the answers of a
//! server that stops say so.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::http::{HeaderValue, Request, Response, Version, header::CONNECTION};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::Service;

use super::{
    PeerAddress,
    activity::{Activity, InFlight},
};

/// The application as one connection sees it.
#[derive(Clone)]
pub(super) struct PerConnection<S> {
    pub(super) application: S,
    pub(super) peer: SocketAddr,
    pub(super) activity: Activity,
}

impl<S, R, B> Service<Request<R>> for PerConnection<S>
where
    S: Service<Request<R>, Response = Response<B>>,
{
    type Response = Response<NotedBody<B>>;
    type Error = S::Error;
    type Future = NotedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.application.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<R>) -> Self::Future {
        request.extensions_mut().insert(PeerAddress(self.peer));
        let in_flight = Some(self.activity.begin());
        // HTTP/2 has no such field (RFC 9113 section 8.2.2).
        let may_close = request.version() < Version::HTTP_2;
        NotedFuture { answer: self.application.call(request), in_flight, may_close }
    }
}

pin_project! {
    pub(super) struct NotedFuture<F> {
        #[pin]
        answer: F,
        in_flight: Option<InFlight>,
        may_close: bool,
    }
}

impl<F, B, E> Future for NotedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<NotedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(context))?;
        let in_flight = this.in_flight.take();
        if *this.may_close && in_flight.as_ref().is_some_and(InFlight::server_stops) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response.map(|body| NotedBody { body, in_flight })))
    }
}

pin_project! {
    /// A response body that keeps its request in flight until the last byte is handed over.
    pub(super) struct NotedBody<B> {
        #[pin]
        body: B,
        in_flight: Option<InFlight>,
    }
}

impl<B: Body> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
