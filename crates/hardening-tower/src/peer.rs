//! What is known of the connection a request came over.

use std::net::SocketAddr;

/// The address at the other end of the connection. The server inserts it into every request's extensions;
/// without it no forwarding header is believed and no client address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// Whether the client came over TLS, as a trusted proxy tells or a server knows that ends TLS itself. In the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardedHttps(pub bool);
