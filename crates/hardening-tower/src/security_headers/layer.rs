use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use hardening::headers::SecurityHeaders;
use http::header::{CACHE_CONTROL, HeaderName};
use http::{Extensions, HeaderMap, HeaderValue};
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
struct Prepared {
    always: Vec<(HeaderName, HeaderValue)>,
    hsts: Option<(HeaderName, HeaderValue)>,
    proxies: Option<Arc<TrustedProxies>>,
    always_https: bool,
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

impl SecurityHeadersLayer {
    /// Whether the client came over HTTPS, as far as can be known. The scheme of the address proves nothing: in the
    /// absolute form of HTTP/1 and in HTTP/2 the client writes it.
    pub fn is_https(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        let Prepared { proxies, always_https, .. } = &*self.prepared;
        let told = || match (proxies, extensions.get::<PeerAddress>()) {
            (Some(proxies), Some(peer)) => told_https(proxies, *peer, headers),
            _ => false,
        };
        *always_https || extensions.get::<ForwardedHttps>().is_some_and(|told| told.0) || told()
    }

    /// Writes the headers into a response's.
    pub fn write(&self, https: bool, headers: &mut HeaderMap) {
        headers.reserve(self.prepared.always.len() + 2);
        for (name, value) in &self.prepared.always {
            headers.insert(name.clone(), value.clone());
        }
        if let (true, Some((name, value))) = (https, &self.prepared.hsts) {
            headers.insert(name.clone(), value.clone());
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

impl<S> Layer<S> for SecurityHeadersLayer {
    type Service = SecurityHeadersService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SecurityHeadersService { inner, layer: self.clone() }
    }
}
