//! A name service that goes away cuts nobody off.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use backends::names::{LookUp, Names};
use backends::sql::Database;
use testkit::postgres::{ClusterOptions, Postgres};

/// Knows one name until it is away.
struct Service {
    address: SocketAddr,
    away: Arc<AtomicBool>,
}

#[async_trait]
impl LookUp for Service {
    async fn addresses(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        if self.away.load(Ordering::SeqCst) || host != "db.test" {
            return Err(io::Error::other("the name service is away"));
        }
        // The first leads nowhere: all are tried.
        Ok(vec![SocketAddr::from(([127, 255, 255, 254], self.address.port())), self.address])
    }
}

/// F33: while names cannot be resolved, PostgreSQL is reached at its last address, also by new connections; a name that
/// was never resolved is told.
#[tokio::test]
async fn postgres_is_reconnected_to_at_its_last_address() {
    let server = Postgres::private(&ClusterOptions::default().tcp());
    let address = server.tcp_address().expect("it listens on TCP");
    let away = Arc::new(AtomicBool::new(false));
    let names = Names::asking(Service { address, away: away.clone() });
    let url = format!("postgresql://postgres@db.test:{}/postgres", address.port());
    let database = Database::connect_postgres_by(&url, 1, names).await.expect("the name is known");
    let pid = "SELECT pg_backend_pid()::bigint AS pid";
    let first = database.row(pid, Vec::new()).await.expect("it answers").expect("a row").int("pid");
    let first = first.expect("a number");

    away.store(true, Ordering::SeqCst);
    server.run("postgres", &format!("SELECT pg_terminate_backend({first})")).await;
    let again = database.row(pid, Vec::new()).await.expect("the last address is used").expect("a row");
    assert_ne!(again.int("pid"), Ok(first));
    let nowhere = Names::asking(Service { address, away });
    assert!(Database::connect_postgres_by(&url, 1, nowhere).await.is_err(), "nothing to remember");
}
