//! Reading headers that may stand in a request more than once.

#![cfg_attr(
    not(all(
        any(feature = "client_address", feature = "security_headers"),
        any(feature = "csrf", feature = "request_id", feature = "session")
    )),
    expect(dead_code, reason = "each layer uses a part of it")
)]

use hardening::client_address::TrustedProxies;
use http::HeaderMap;
use http::header::AsHeaderName;

use crate::PeerAddress;

/// The values of one header, in their order.
pub(crate) fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
}

/// A header that may stand in a request once.
pub(crate) enum Single<'a> {
    Absent,
    One(&'a [u8]),
    Repeated,
}

pub(crate) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Single<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => Single::One(value.as_bytes()),
        (Some(_), Some(_)) => Single::Repeated,
    }
}

/// Whether the peer is a trusted proxy that says the client came over TLS.
pub(crate) fn told_https(proxies: &TrustedProxies, peer: PeerAddress, headers: &HeaderMap) -> bool {
    let peer = peer.0.ip();
    proxies.contains(peer)
        && proxies.forwarded_https(
            peer,
            &lines(headers, proxies.header.name()),
            &lines(headers, "x-forwarded-proto"),
        )
}
