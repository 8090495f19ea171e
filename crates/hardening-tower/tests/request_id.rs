//! The request id layer, from outside.
#![cfg(feature = "request_id")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::convert::Infallible;
use std::sync::Arc;

use hardening::client_address::TrustedProxies;
use hardening::entropy::OsEntropy;
use hardening_tower::PeerAddress;
use hardening_tower::request_id::{RequestId, RequestIdLayer};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Sends a request with these incoming names from this peer; the response's header and the handler's view.
async fn name_given(peer: &str, incoming: &[&[u8]]) -> (String, String) {
    let proxies = TrustedProxies { ranges: vec!["10.0.0.0/8".parse().unwrap()], ..TrustedProxies::default() };
    let layer = RequestIdLayer::new(Arc::new(OsEntropy)).keep_incoming_from(Arc::new(proxies));
    let service = layer.layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.extensions().get::<RequestId>().unwrap().to_string()))
    }));
    let mut request = Request::new(());
    for name in incoming {
        request.headers_mut().append("x-request-id", http::HeaderValue::from_bytes(name).unwrap());
    }
    if !peer.is_empty() {
        request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
    }
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.headers().get_all("x-request-id").iter().count(), 1);
    let header = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(response.extensions().get::<RequestId>().unwrap().as_str(), header);
    (header, response.into_body())
}

#[tokio::test]
async fn every_request_gets_a_name_of_its_own() {
    let (first, seen) = name_given("", &[]).await;
    assert_eq!(first, seen);
    assert!(first.len() == 32 && first.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(first, name_given("", &[]).await.0);
}

#[tokio::test]
async fn only_a_trusted_peers_plain_and_short_name_is_kept() {
    let long_enough = [b'a'; 64];
    for name in [&b"abc-123_x.Y"[..], &long_enough] {
        assert_eq!(name_given("10.1.1.1:1", &[name]).await.0.as_bytes(), name);
        assert_ne!(name_given("203.0.113.9:1", &[name]).await.0.as_bytes(), name, "a stranger's");
        assert_ne!(name_given("", &[name]).await.0.as_bytes(), name, "from nobody knows where");
    }
    for name in
        [&b""[..], &[b'a'; 65], b"a b", b"a\tb", b"<b>", b"a;b", b"\xc3\xa9", b"\xff", b"a,b", b"a%0ab"]
    {
        assert_eq!(name_given("10.1.1.1:1", &[name]).await.0.len(), 32, "{name:?}");
    }
    assert_eq!(name_given("10.1.1.1:1", &[b"a", b"a"]).await.0.len(), 32, "repeated");
}
