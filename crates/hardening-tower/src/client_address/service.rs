use std::sync::Arc;
use std::task::{Context, Poll};

use hardening::client_address::TrustedProxies;
use http::Request;
use tower_service::Service;

use crate::header_lines::{lines, told_https};
use crate::{ForwardedHttps, PeerAddress};

/// The service of [`super::ClientAddressLayer`].
#[derive(Clone, Debug)]
pub struct ClientAddressService<S> {
    pub(super) inner: S,
    pub(super) proxies: Arc<TrustedProxies>,
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
            let forwarding = lines(request.headers(), self.proxies.header.name());
            let client = self.proxies.resolve(peer.0.ip(), &forwarding);
            let https = told_https(&self.proxies, peer, request.headers());
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(ForwardedHttps(https));
        }
        self.inner.call(request)
    }
}
