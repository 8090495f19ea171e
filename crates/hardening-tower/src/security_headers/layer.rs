use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use hardening::headers::SecurityHeaders;
use http::header::HeaderName;
use http::{Extensions, HeaderMap, HeaderValue, Uri};
use tower_layer::Layer;

use super::SecurityHeadersService;
use crate::header_lines::told_https;
use crate::{ForwardedHttps, PeerAddress};

/// Sets the security headers.
#[derive(Clone, Debug)]
pub struct SecurityHeadersLayer {
    prepared: Arc<Prepared>,
}

/// Everything that is the same for all requests.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) always: Vec<(HeaderName, HeaderValue)>,
    pub(super) hsts: Option<(HeaderName, HeaderValue)>,
    proxies: Option<Arc<TrustedProxies>>,
    always_https: bool,
}

impl Prepared {
    pub(super) fn is_https(&self, uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> bool {
        let told = || match (&self.proxies, extensions.get::<PeerAddress>()) {
            (Some(proxies), Some(peer)) => told_https(proxies, *peer, headers),
            _ => false,
        };
        self.always_https
            || uri.scheme() == Some(&http::uri::Scheme::HTTPS)
            || extensions.get::<ForwardedHttps>().is_some_and(|told| told.0)
            || told()
    }
}

impl SecurityHeadersLayer {
    /// With the given headers. A value that HTTP cannot carry is left out; `SecurityHeaders` makes none.
    pub fn new(headers: &SecurityHeaders) -> Self {
        let prepare = |(name, value): &(&'static str, String)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        let always = headers.always().iter().filter_map(prepare).collect();
        let hsts = prepare(headers.hsts());
        Self { prepared: Arc::new(Prepared { always, hsts, proxies: None, always_https: false }) }
    }

    /// Believes these proxies when they say that the client came over HTTPS. Needs [`PeerAddress`]; not
    /// needed where [`ForwardedHttps`] is set by a layer further out.
    #[must_use]
    pub fn trusting(mut self, proxies: Arc<TrustedProxies>) -> Self {
        Arc::make_mut(&mut self.prepared).proxies = Some(proxies);
        self
    }

    /// The operator says that clients always come over HTTPS.
    #[must_use]
    pub fn always_https(mut self, always: bool) -> Self {
        Arc::make_mut(&mut self.prepared).always_https = always;
        self
    }
}

impl<S> Layer<S> for SecurityHeadersLayer {
    type Service = SecurityHeadersService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SecurityHeadersService { inner, prepared: Arc::clone(&self.prepared) }
    }
}
