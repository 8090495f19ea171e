//! The client address layer, from outside.
#![cfg(feature = "client_address")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::convert::Infallible;
use std::sync::Arc;

use hardening::client_address::{ClientAddress, ForwardHeader, TrustedProxies};
use hardening_tower::client_address::ClientAddressLayer;
use hardening_tower::{ForwardedHttps, PeerAddress};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// The client's bucket and whether HTTPS was told, as a handler sees them.
async fn seen(
    header: ForwardHeader,
    peer: Option<&str>,
    lines: &[(&'static str, &str)],
) -> (Option<String>, Option<bool>) {
    let proxies = TrustedProxies { ranges: vec!["10.0.0.0/8".parse().unwrap()], header };
    let service = ClientAddressLayer::new(Arc::new(proxies)).layer(service_fn(async |r: Request<()>| {
        let bucket = r.extensions().get::<ClientAddress>().map(|c| c.bucket());
        Ok::<_, Infallible>(Response::new((bucket, r.extensions().get::<ForwardedHttps>().map(|h| h.0))))
    }));
    let mut request = Request::new(());
    for (name, value) in lines {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    if let Some(peer) = peer {
        request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
    }
    service.oneshot(request).await.unwrap().into_body()
}

fn is(bucket: &str, https: bool) -> (Option<String>, Option<bool>) {
    (Some(bucket.to_owned()), Some(https))
}

#[tokio::test]
async fn a_strangers_headers_are_not_believed() {
    for name in
        ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "client-ip"]
    {
        let lines = [(name, "10.9.9.9"), ("x-forwarded-proto", "https")];
        let stranger = seen(ForwardHeader::XForwardedFor, Some("203.0.113.9:1"), &lines).await;
        assert_eq!(stranger, is("203.0.113.9", false), "{name}");
    }
}

#[tokio::test]
async fn a_trusted_proxys_own_header_is_believed_and_no_other() {
    let lines = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "203.0.113.9, 10.2.2.2"),
        ("forwarded", "for=\"[2001:db8:1:2::9]:80\";proto=http"),
        ("x-real-ip", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
    ];
    let peer = Some("[::ffff:10.1.1.1]:4711");
    assert_eq!(seen(ForwardHeader::XForwardedFor, peer, &lines).await, is("203.0.113.9", true));
    assert_eq!(seen(ForwardHeader::Forwarded, peer, &lines).await, is("2001:db8:1:2::/64", false));
    assert_eq!(seen(ForwardHeader::XForwardedFor, peer, &[]).await, is("10.1.1.1", false));
}

#[tokio::test]
async fn without_a_peer_nothing_is_known() {
    let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
    assert_eq!(seen(ForwardHeader::XForwardedFor, None, &lines).await, (None, None));
}
