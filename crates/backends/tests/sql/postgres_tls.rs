//! TLS to PostgreSQL: encrypted, verified as far as `sslmode` says, refused otherwise.

use std::sync::OnceLock;
use std::time::Duration;

use backends::sql::{Database, SqlError};
use hardening::clock::{Clock as _, SystemClock};
use testkit::postgres::{ClusterOptions, Postgres};

use crate::harness::is_unavailable;

/// One server for all tests of this file.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::private(&ClusterOptions::default().tls()))
}

fn url(host: &str, mode: &str, authority: Option<&str>) -> String {
    let url = server().tls_url(host, "postgres").replace("sslmode=require", &format!("sslmode={mode}"));
    authority.map_or(url.clone(), |file| format!("{url}&sslrootcert={file}"))
}

fn right() -> Option<&'static str> {
    server().authority_file().to_str()
}

async fn is_encrypted(url: &str) -> Result<bool, SqlError> {
    let database = Database::connect_postgres_with(url, 1).await?;
    let text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    database.row(text, Vec::new()).await?.expect("a row").bool("ssl")
}

#[tokio::test]
async fn every_mode_but_disable_encrypts() {
    for (mode, authority) in [
        ("prefer", None),
        ("require", None),
        ("require", right()),
        ("verify-ca", right()),
        ("verify-full", right()),
    ] {
        let encrypted = is_encrypted(&url("localhost", mode, authority)).await;
        assert_eq!(encrypted, Ok(true), "{mode} {authority:?}");
    }
    assert_eq!(is_encrypted(&url("localhost", "disable", None)).await, Ok(false));
}

#[tokio::test]
async fn the_drivers_name_of_sqlalchemy_changes_nothing() {
    let url = url("localhost", "verify-full", right()).replace("postgresql://", "postgresql+psycopg2://");
    assert_eq!(is_encrypted(&url).await, Ok(true));
}

#[tokio::test]
async fn another_authority_is_refused_wherever_it_is_checked() {
    let stranger = Postgres::private(&ClusterOptions::default().tls());
    let wrong = stranger.authority_file().to_str();
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = is_encrypted(&url("localhost", mode, wrong)).await;
        assert!(
            is_unavailable(&refused) && told(&refused).contains("invalid peer certificate"),
            "{mode}: {refused:?}"
        );
    }
    let unknown_to_the_system = is_encrypted(&url("localhost", "verify-full", None)).await;
    assert!(unknown_to_the_system.is_err());
}

#[tokio::test]
async fn another_host_is_refused_by_verify_full_only() {
    // The certificate is for `localhost`.
    let refused = is_encrypted(&url("127.0.0.1", "verify-full", right())).await;
    assert!(is_unavailable(&refused) && told(&refused).contains("127.0.0.1"), "{refused:?}");
    for mode in ["require", "verify-ca"] {
        assert_eq!(is_encrypted(&url("127.0.0.1", mode, right())).await, Ok(true), "{mode}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_it_is_only_preferred() {
    let plain = Postgres::private(&ClusterOptions::default().tcp());
    let url = |mode| format!("{}?sslmode={mode}", plain.tcp_url("postgres").expect("it listens on TCP"));
    let refused = is_encrypted(&url("require")).await;
    assert!(told(&refused).contains("does not support TLS"), "{refused:?}");
    assert_eq!(is_encrypted(&url("prefer")).await, Ok(false));
}

#[tokio::test]
async fn a_file_of_authorities_must_hold_some() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").expect("it can be written");
    for file in [empty.as_path(), &folder.path().join("missing.pem")] {
        let refused = is_encrypted(&url("localhost", "verify-full", file.to_str())).await;
        let named = file.display().to_string();
        assert!(matches!(&refused, Err(SqlError::Bad(text)) if text.contains(&named)), "{refused:?}");
    }
}

const WHO: &str = "SELECT pg_backend_pid()::bigint AS pid";

async fn connection(database: &Database) -> Result<i64, SqlError> {
    database.row(WHO, Vec::new()).await?.expect("a row").int("pid")
}

/// Ends a connection from the server's side, so that the next query needs a new one.
async fn end(pid: i64) {
    server().run("postgres", &format!("SELECT pg_terminate_backend({pid})")).await;
}

#[tokio::test]
async fn authorities_are_read_anew_without_ending_connections() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    std::fs::copy(server().authority_file(), &file).expect("it can be copied");
    let database = Database::connect_postgres_with(&url("localhost", "verify-full", file.to_str()), 1).await;
    let database = database.expect("it connects");
    let first = connection(&database).await.expect("it answers");

    let stranger = Postgres::private(&ClusterOptions::default().tls());
    std::fs::copy(stranger.authority_file(), &file).expect("it can be copied");
    database.reload_authorities().expect("it is a file of authorities");
    assert_eq!(connection(&database).await, Ok(first), "the open connection goes on");
    end(first).await;
    assert!(connection(&database).await.is_err(), "a new one goes by the new file");

    std::fs::write(&file, "nothing here").expect("it can be written");
    assert!(database.reload_authorities().is_err_and(|error| error.to_string().contains("ca.pem")));
    std::fs::copy(server().authority_file(), &file).expect("it can be copied");
    database.reload_authorities().expect("it is a file of authorities");
    assert!(connection(&database).await.is_ok());
}

#[tokio::test]
async fn the_end_of_the_servers_certificate_is_known() {
    let server = Postgres::private(&ClusterOptions::default().tls_for(10));
    let database = Database::connect_postgres(&server.tls_url("localhost", "postgres")).await.expect("there");
    let left = database.certificate_end().expect("it showed one").since(SystemClock.now());
    assert!(left > Duration::from_hours(239) && left <= Duration::from_hours(240), "{left:?}");
    let plain = Postgres::private(&ClusterOptions::default());
    let plain = Database::connect_postgres(&plain.url("postgres")).await.expect("there");
    assert_eq!(plain.certificate_end(), None);
}

fn told<T>(refused: &Result<T, SqlError>) -> String {
    refused.as_ref().err().map(ToString::to_string).unwrap_or_default()
}
