//! Who is asking, behind a proxy on this machine.
//!
//! `cargo run -p hardening-tower --example client_address`, then
//! `curl -H 'X-Forwarded-For: 6.6.6.6, 203.0.113.9' http://127.0.0.1:3000/`: as curl comes from the trusted
//! 127.0.0.1, the answer is 203.0.113.9, and never the invented 6.6.6.6.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use axum::routing::get;
use axum::{Extension, Router};
use hardening::client_address::{ClientAddress, ForwardHeader, TrustedProxies};
use hardening_tower::PeerAddress;
use hardening_tower::client_address::ClientAddressLayer;

/// What the server knows of the connection, in the form the layers read.
async fn note_peer(ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(PeerAddress(peer));
    request
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proxies =
        TrustedProxies { ranges: vec!["127.0.0.1/32".parse()?], header: ForwardHeader::XForwardedFor };
    let app = Router::new()
        .route("/", get(async |Extension(client): Extension<ClientAddress>| format!("You are {client}.\n")))
        .layer(ClientAddressLayer::new(Arc::new(proxies)))
        .layer(map_request(note_peer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
