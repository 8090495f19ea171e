//! The security headers layer, from outside.
#![cfg(feature = "security_headers")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::convert::Infallible;
use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use hardening::headers::{HeaderSettings, SecurityHeaders};
use hardening_tower::security_headers::SecurityHeadersLayer;
use hardening_tower::{ForwardedHttps, PeerAddress};
use http::{HeaderMap, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn layer() -> SecurityHeadersLayer {
    SecurityHeadersLayer::new(&SecurityHeaders::new(&HeaderSettings::default()))
}

/// The headers of a response that the handler made with this status and these headers.
async fn headers_of(
    layer: SecurityHeadersLayer,
    request: Request<()>,
    status: u16,
    own: &'static [(&'static str, &'static str)],
) -> HeaderMap {
    let service = layer.layer(service_fn(move |_: Request<()>| async move {
        let mut response = Response::builder().status(status);
        for (name, value) in own {
            response = response.header(*name, *value);
        }
        Ok::<_, Infallible>(response.body(()).unwrap())
    }));
    service.oneshot(request).await.unwrap().into_parts().0.headers
}

#[tokio::test]
async fn every_status_carries_them_once() {
    for status in [200, 201, 204, 301, 303, 304, 400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503] {
        let headers = headers_of(layer(), Request::new(()), status, &[]).await;
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{status}");
            assert_eq!(headers.get_all(name).iter().count(), 1, "{status}");
        }
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'; "));
        assert!(headers.contains_key("permissions-policy"));
        assert!(!headers.contains_key("strict-transport-security"), "{status}: plain http");
        assert!(!headers.contains_key("x-xss-protection"));
    }
}

#[tokio::test]
async fn a_handler_cannot_weaken_them_but_says_how_long_its_response_keeps() {
    let own = &[
        ("content-security-policy", "default-src *"),
        ("x-frame-options", "ALLOWALL"),
        ("cache-control", "public, max-age=60"),
    ];
    let headers = headers_of(layer(), Request::new(()), 200, own).await;
    assert!(!headers["content-security-policy"].to_str().unwrap().contains('*'));
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["cache-control"], "public, max-age=60");
    let private = &[("cache-control", "no-store, private")];
    assert_eq!(
        headers_of(layer(), Request::new(()), 200, private).await["cache-control"],
        "no-store, private"
    );
}

#[tokio::test]
async fn hsts_is_said_over_https_only() {
    let says_hsts = async |layer, request| {
        headers_of(layer, request, 404, &[]).await.get("strict-transport-security").cloned()
    };
    let plain = || Request::new(());
    let scheme = |scheme: &str| Request::get(format!("{scheme}://app.example/")).body(()).unwrap();
    let told = |told| {
        let mut request = plain();
        request.extensions_mut().insert(ForwardedHttps(told));
        request
    };
    let from = |peer: &str| {
        let mut request = Request::get("/").header("x-forwarded-proto", "https").body(()).unwrap();
        request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
        request
    };
    let proxies = TrustedProxies { ranges: vec!["10.0.0.0/8".parse().unwrap()], ..TrustedProxies::default() };
    let trusting = || layer().trusting(Arc::new(proxies.clone()));
    assert_eq!(says_hsts(layer(), told(true)).await.unwrap(), "max-age=31536000");
    assert!(says_hsts(layer().always_https(true), plain()).await.is_some());
    assert!(says_hsts(trusting(), from("10.1.1.1:1")).await.is_some());
    assert!(says_hsts(layer(), scheme("http")).await.is_none());
    assert!(says_hsts(layer(), scheme("https")).await.is_none(), "the client wrote that");
    assert!(says_hsts(layer(), told(false)).await.is_none());
    assert!(says_hsts(layer(), from("10.1.1.1:1")).await.is_none(), "nobody is trusted");
    assert!(says_hsts(trusting(), from("203.0.113.9:1")).await.is_none(), "a stranger");
    assert!(says_hsts(trusting(), plain()).await.is_none());
}
