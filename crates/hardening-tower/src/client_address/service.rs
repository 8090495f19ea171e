use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::ClientAddressLayer;
use crate::PeerAddress;

/// The service of [`super::ClientAddressLayer`].
#[derive(Clone, Debug)]
pub struct ClientAddressService<S> {
    pub(super) inner: S,
    pub(super) layer: ClientAddressLayer,
}

impl<S, B> Service<Request<B>> for ClientAddressService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(peer) = request.extensions().get::<PeerAddress>().copied() {
            let (client, https) = self.layer.find(peer, request.headers());
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(https);
        }
        self.inner.call(request)
    }
}
