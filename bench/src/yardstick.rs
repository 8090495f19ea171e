//! A bare axum handler of the same versions: what everything is compared with.

use axum::Router;
use axum::routing::get;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let router: Router = Router::new().route("/", get(|| async { "{\"ok\":true}" }).post(|| async { "{}" }));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await
}
