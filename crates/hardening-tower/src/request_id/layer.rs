use std::fmt;
use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use hardening::entropy::{Entropy, random_bytes};
use http::request::Parts;
use tower_layer::Layer;

use super::{RequestId, RequestIdService, X_REQUEST_ID};
use crate::PeerAddress;
use crate::header_lines::{Single, single};

type Trust = dyn Fn(&Parts) -> bool + Send + Sync;

/// Names requests. Believes no incoming name until told whom to trust.
#[derive(Clone)]
pub struct RequestIdLayer {
    entropy: Arc<dyn Entropy>,
    trust: Option<Arc<Trust>>,
}

impl RequestIdLayer {
    /// Gives every request a new name.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, trust: None }
    }

    /// Keeps a plain incoming name where `trust` says so.
    #[must_use]
    pub fn keep_incoming_where(mut self, trust: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.trust = Some(Arc::new(trust));
        self
    }

    /// Keeps a plain incoming name when the peer is one of the proxies. Needs [`PeerAddress`].
    #[must_use]
    pub fn keep_incoming_from(self, proxies: Arc<TrustedProxies>) -> Self {
        self.keep_incoming_where(move |parts| {
            parts.extensions.get::<PeerAddress>().is_some_and(|peer| proxies.contains(peer.0.ip()))
        })
    }
}

impl RequestIdLayer {
    /// The request's name: the incoming one where it is kept, else a new one.
    pub fn name(&self, parts: &Parts) -> RequestId {
        self.incoming(parts).unwrap_or_else(|| RequestId::from_bytes(random_bytes(self.entropy.as_ref())))
    }

    fn incoming(&self, parts: &Parts) -> Option<RequestId> {
        let trust = self.trust.as_ref()?;
        let Single::One(name) = single(&parts.headers, X_REQUEST_ID) else { return None };
        let name = RequestId::parse(std::str::from_utf8(name).ok()?)?;
        trust(parts).then_some(name)
    }
}

impl fmt::Debug for RequestIdLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIdLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestIdService { inner, layer: self.clone() }
    }
}
