use std::sync::Arc;

use hardening::client_address::{ClientAddress, TrustedProxies};
use http::HeaderMap;
use tower_layer::Layer;

use super::ClientAddressService;
use crate::header_lines::{lines, told_https};
use crate::{ForwardedHttps, PeerAddress};

/// Finds out the client's address.
#[derive(Clone, Debug)]
pub struct ClientAddressLayer {
    proxies: Arc<TrustedProxies>,
}

impl ClientAddressLayer {
    /// Believes the forwarding header of these proxies and of nobody else.
    pub const fn new(proxies: Arc<TrustedProxies>) -> Self {
        Self { proxies }
    }

    /// The client behind this peer, and whether it came over HTTPS.
    pub fn find(&self, peer: PeerAddress, headers: &HeaderMap) -> (ClientAddress, ForwardedHttps) {
        let forwarding = lines(headers, self.proxies.header.name());
        let client = self.proxies.resolve(peer.0.ip(), &forwarding);
        (client, ForwardedHttps(told_https(&self.proxies, peer, headers)))
    }
}

impl<S> Layer<S> for ClientAddressLayer {
    type Service = ClientAddressService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientAddressService { inner, layer: self.clone() }
    }
}
