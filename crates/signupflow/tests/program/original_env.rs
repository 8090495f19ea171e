//! The `.env` block of the product's original quickstart, pasted as it stands, starts the server.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use testkit::free_port::free_tcp_port;
use testkit::process::Program;
use testkit::redis::{Redis, RedisOptions};

const REDIS_PASSWORD: &str = "of-this-redis-only";

#[tokio::test]
async fn the_originals_block_with_real_keys_starts_on_a_real_redis() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let _: () = redis.ask(&["CONFIG", "SET", "requirepass", REDIS_PASSWORD]);
    let port = redis.tcp_address().port();
    let block = include_str!("../original.env")
        .replace("your-fernet-encryption-key-here", &URL_SAFE.encode([9; 32]))
        .replace("your-redis-password", REDIS_PASSWORD)
        .replace("REDIS_PORT=6379", &format!("REDIS_PORT={port}"))
        .replace("localhost:6379", &format!("localhost:{port}"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".env"), block).expect("it can be written");
    let address = format!("127.0.0.1:{}", free_tcp_port());
    let mut server = Program::new(env!("CARGO_BIN_EXE_signupflow"))
        .args(["serve"])
        .env("BIND_ADDRESS", &address)
        .current_dir(folder.path())
        .start();
    server.wait_for_port(address.parse().expect("an address"), Duration::from_secs(30)).await;
    let health: Value =
        reqwest::get(format!("http://{address}/health")).await.expect("up").json().await.expect("JSON");
    assert_eq!((&health["status"], &health["redis"]), (&json!("healthy"), &json!("connected")), "{health}");

    let signup = json!({"name": "Ada", "email": "ada@example.org", "org_name": "Helping Hands",
        "password": "three purple otters dance"});
    let http = reqwest::Client::new();
    let answer =
        http.post(format!("http://{address}/api/auth/signup")).json(&signup).send().await.expect("up");
    assert_eq!(answer.status(), 201);
    let token = answer.json::<Value>().await.expect("JSON")["token"].as_str().expect("a token").to_owned();
    let me = http.get(format!("http://{address}/api/people/me")).bearer_auth(token).send().await.expect("up");
    assert_eq!(me.status(), 200, "the session in Redis is found");
    let complaints = server.stderr() + &server.stdout();
    assert!(!complaints.contains("unknown variable"), "{complaints}");
}
