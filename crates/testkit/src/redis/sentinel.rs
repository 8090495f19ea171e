//! A master, a replica and three sentinels that watch them.

use std::net::SocketAddr;

use super::server::{Server, Setup, wait_until};

const NAME: &str = "mymaster";

/// A running throwaway set-up with sentinels, which declare a master dead after half a second of silence.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [Server; 2],
    sentinels: Vec<Server>,
}

impl RedisSentinel {
    /// Starts all five and waits until every sentinel knows the others and the replica.
    ///
    /// # Panics
    /// When Redis is not installed or the servers do not find each other.
    pub fn start() -> Self {
        let tcp = Setup { tcp: true, ..Setup::default() };
        let servers = [Server::start(&tcp), Server::start(&tcp)];
        let master = servers[0].address().expect("it listens on TCP");
        let port = master.port().to_string();
        servers[1].ask::<()>(&["REPLICAOF", "127.0.0.1", &port]).expect("it can become a replica");
        wait_until("the replica follows", || {
            servers[1]
                .ask::<String>(&["INFO", "replication"])
                .is_ok_and(|info| info.contains("link_status:up"))
        });
        let sentinels: Vec<Server> = (0..3).map(|_| Server::start(&sentinel_setup(master))).collect();
        let all = Self { servers, sentinels };
        wait_until("the sentinels know each other", || {
            all.sentinels.iter().all(|sentinel| {
                let state: String = sentinel.ask(&["INFO", "sentinel"]).unwrap_or_default();
                state.contains("status=ok") && state.contains("slaves=1,sentinels=3")
            })
        });
        all
    }

    /// Names the sentinels and the master.
    ///
    /// # Panics
    /// Never: all listen on TCP.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| sentinel.address().expect("it listens on TCP").to_string())
            .collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The master that the sentinels name now: 0 or 1.
    ///
    /// # Panics
    /// When a sentinel is away.
    pub fn master(&self) -> usize {
        let (_, port): (String, u16) = self.sentinels[0]
            .ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME])
            .expect("a sentinel answers");
        usize::from(self.servers[0].address().is_none_or(|address| address.port() != port))
    }

    /// Orders the sentinels to make the replica the master, and waits until both say so.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn failover(&self) {
        let old = self.master();
        wait_until("the sentinels agree to it", || {
            self.sentinels[0].ask::<()>(&["SENTINEL", "FAILOVER", NAME]).is_ok()
        });
        self.wait_for_another_master_than(old);
    }

    /// Waits until the sentinels have made the other server than `old` the master.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn wait_for_another_master_than(&self, old: usize) {
        wait_until("the other server is the master", || {
            let new = self.master();
            new != old
                && self.servers[new]
                    .ask::<String>(&["INFO", "replication"])
                    .is_ok_and(|info| info.contains("role:master"))
        });
    }

    /// Ends a server at once (SIGKILL).
    pub fn kill(&self, server: usize) {
        self.servers[server].kill();
    }

    /// Stops the world of a server (SIGSTOP).
    pub fn freeze(&self, server: usize) {
        self.servers[server].signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self, server: usize) {
        self.servers[server].signal("CONT");
    }
}

fn sentinel_setup(master: SocketAddr) -> Setup {
    let settings = [
        ("sentinel monitor", format!("{NAME} 127.0.0.1 {} 2", master.port())),
        ("sentinel down-after-milliseconds", format!("{NAME} 500")),
        ("sentinel failover-timeout", format!("{NAME} 3000")),
        ("protected-mode", "no".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Setup { tcp: true, sentinel: true, settings, ..Setup::default() }
}
