//! The security headers on everything, "not found" included.
//!
//! `cargo run -p hardening-tower --example security_headers`, then `curl -i http://127.0.0.1:3000/nowhere`.

use axum::Router;
use axum::routing::get;
use hardening::headers::{HeaderSettings, SecurityHeaders};
use hardening_tower::security_headers::SecurityHeadersLayer;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let headers = SecurityHeaders::new(&HeaderSettings::default());
    let app = Router::new()
        .route("/", get(async || "Look at my headers.\n"))
        .layer(SecurityHeadersLayer::new(&headers));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
}
