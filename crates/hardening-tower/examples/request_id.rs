//! A name for every request, shown to the caller.
//!
//! `cargo run -p hardening-tower --example request_id`, then
//! `curl -i http://127.0.0.1:3000/`: the body and `X-Request-Id` show the same name, a new one each time.

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use hardening::entropy::OsEntropy;
use hardening_tower::request_id::{RequestId, RequestIdLayer};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(async |Extension(id): Extension<RequestId>| format!("You are request {id}.\n")))
        .layer(RequestIdLayer::new(Arc::new(OsEntropy)));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
}
