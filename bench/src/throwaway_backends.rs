//! A durable PostgreSQL and a Redis of their own for one measurement: prints their URLs and Redis's process id, and
//! lives until its standard input ends.

use std::io::Read as _;

use testkit::postgres::{ClusterOptions, Postgres};
use testkit::redis::{Redis, RedisOptions};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the addresses are its output")]
async fn main() -> std::io::Result<()> {
    let postgres = Postgres::private(&ClusterOptions::default().tcp().durable());
    let redis = Redis::private(&RedisOptions::default().tcp());
    let database = postgres.fresh_database().await;
    let url = postgres.tcp_url(&database).unwrap_or(database);
    let server: String = redis.ask(&["INFO", "server"]);
    let pid = server.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap_or_default();
    println!("{url} {} {}", redis.tcp_url(), pid.trim());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
