use super::*;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn create_people(url: String) {
    let client = connect(&url).await.expect("the template is reached");
    client.batch_execute("CREATE TABLE people (id text PRIMARY KEY)").await.expect("valid SQL");
}

async fn count(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM people", &[]).await.expect("the table exists").get(0)
}

#[tokio::test]
async fn fresh_databases_are_apart() {
    let (one, two) = (Postgres::shared().fresh_database().await, Postgres::shared().fresh_database().await);
    assert_ne!(one, two);
    create_people(one).await;
    create_people(two).await;
}

#[tokio::test]
async fn a_template_is_prepared_once_and_copied() {
    let prepared = std::sync::atomic::AtomicU32::new(0);
    let fresh = || {
        Postgres::shared().fresh_database_from("copied", |url| async {
            prepared.fetch_add(1, Ordering::SeqCst);
            create_people(url).await;
        })
    };
    let (one, two) = tokio::join!(fresh(), fresh());
    assert_eq!(prepared.load(Ordering::SeqCst), 1);
    let (one, two) = (connect(&one).await.expect("reached"), connect(&two).await.expect("reached"));
    one.execute("INSERT INTO people VALUES ('a')", &[]).await.expect("valid SQL");
    assert_eq!((count(&one).await, count(&two).await), (1, 0));
}

#[tokio::test]
async fn terminated_backends_lose_their_connection() {
    let url = Postgres::shared().fresh_database().await;
    let client = connect(&url).await.expect("reached");
    Postgres::shared().terminate_backends(&url).await;
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert!(connect(&url).await.is_ok());
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let url = Postgres::shared().fresh_database().await;
    Postgres::shared().drop_database(&url).await;
    assert!(connect(&url).await.is_err());
}

#[tokio::test]
#[should_panic(expected = "use Postgres::private()")]
async fn the_shared_cluster_cannot_be_stopped() {
    Postgres::shared().stop();
}

#[tokio::test]
async fn a_private_cluster_survives_stop_kill_and_freeze_and_then_vanishes() {
    let server = Postgres::private(&ClusterOptions::default().tcp().durable());
    let url = server.fresh_database().await;
    create_people(server.tcp_url(&url).expect("it listens on TCP")).await;

    server.stop();
    assert!(connect(&url).await.is_err());
    server.start();

    let client = connect(&url).await.expect("reached after a restart");
    client.execute("INSERT INTO people VALUES ('kept')", &[]).await.expect("valid SQL");
    server.kill();
    assert!(connect(&url).await.is_err());
    server.start();
    let client = connect(&url).await.expect("reached after a crash");
    assert_eq!(count(&client).await, 1, "what was acknowledged is there");

    server.freeze();
    assert!(tokio::time::timeout(Duration::from_millis(200), count(&client)).await.is_err());
    server.thaw();
    assert_eq!(count(&client).await, 1);

    server.freeze();
    let folder = server.socket_folder().to_owned();
    let begun = Instant::now();
    drop(server);
    assert!(!folder.exists() && begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn names_are_found_in_urls() {
    assert_eq!(database_name("postgresql://postgres@/test_1?host=/tmp/x"), "test_1");
    assert_eq!(database_name("postgresql://postgres@127.0.0.1:5/test_2"), "test_2");
    assert_eq!(database_name("test_3"), "test_3");
}
