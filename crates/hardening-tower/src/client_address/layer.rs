use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use tower_layer::Layer;

use super::ClientAddressService;

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
}

impl<S> Layer<S> for ClientAddressLayer {
    type Service = ClientAddressService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientAddressService { inner, proxies: Arc::clone(&self.proxies) }
    }
}
