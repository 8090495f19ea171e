//! Three masters, alone or with a replica each.

use std::net::SocketAddr;

use super::server::{Server, Setup, wait_until};
use crate::free_port::free_tcp_port;

/// The first and last slot of each of the three masters.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// After so many milliseconds without a word a master with a replica counts as dead.
const SILENCE: &str = "2000";

/// A running throwaway cluster. Slots of a master that is away are away; the others go on.
#[derive(Debug)]
pub struct RedisCluster {
    masters: Vec<Server>,
    /// In the order of their masters; none in a cluster without.
    replicas: Vec<Server>,
}

impl RedisCluster {
    /// Starts three masters that share the slots evenly.
    ///
    /// # Panics
    /// When Redis is not installed or the servers do not find each other.
    pub fn start() -> Self {
        // Nobody is to be declared dead by a busy machine.
        Self::of_masters("15000")
    }

    /// The same with a replica for each master, which takes its place when it has been silent for two seconds.
    ///
    /// # Panics
    /// As [`RedisCluster::start`].
    pub fn start_with_replicas() -> Self {
        let mut cluster = Self::of_masters(SILENCE);
        for master in &cluster.masters {
            let replica = Server::start(&setup(SILENCE));
            meet(&replica, master);
            let id: String = master.ask(&["CLUSTER", "MYID"]).expect("it answers");
            wait_until("the replica knows its master", || {
                replica.ask::<redis::Value>(&["CLUSTER", "REPLICATE", &id]).is_ok()
            });
            cluster.replicas.push(replica);
        }
        wait_until("every replica follows, and everybody knows", || {
            let nodes = |server: &Server| server.ask::<String>(&["CLUSTER", "NODES"]).unwrap_or_default();
            let follows = |server: &Server| {
                server
                    .ask::<String>(&["INFO", "replication"])
                    .is_ok_and(|info| info.contains("link_status:up"))
            };
            cluster.replicas.iter().all(follows)
                && cluster.masters.iter().all(|master| nodes(master).matches("slave ").count() == SLOTS.len())
        });
        cluster
    }

    fn of_masters(silence: &str) -> Self {
        let masters: Vec<Server> = SLOTS.iter().map(|_| Server::start(&setup(silence))).collect();
        for (master, (first, last)) in masters.iter().zip(SLOTS) {
            run(master, &["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        for master in &masters {
            for other in &masters {
                meet(master, other);
            }
        }
        let cluster = Self { masters, replicas: Vec::new() };
        wait_until("all masters know all slots", || {
            cluster.masters.iter().all(|master| {
                let info: String = master.ask(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_slots_ok:16384") && info.contains("cluster_size:3")
            })
        });
        cluster
    }

    /// Names all masters, whether they run or not.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.addresses().iter().map(SocketAddr::to_string).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Where the masters listen.
    ///
    /// # Panics
    /// Never: all listen on TCP.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.masters.iter().map(|master| master.address().expect("it listens on TCP")).collect()
    }

    /// The number of the master that a slot was given to at start.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn owner(&self, slot: u16) -> usize {
        SLOTS.iter().position(|(first, last)| (*first..=*last).contains(&slot)).expect("a slot below 16384")
    }

    /// The slot of a key, as a server computes it.
    ///
    /// # Panics
    /// When the last master is away.
    pub fn slot_of(&self, key: &str) -> u16 {
        self.masters[2].ask(&["CLUSTER", "KEYSLOT", key]).expect("the last master answers")
    }

    /// Moves one empty slot to another master.
    ///
    /// # Panics
    /// When a master is away.
    pub fn move_slot(&self, slot: u16, to: usize) {
        let id: String = self.masters[to].ask(&["CLUSTER", "MYID"]).expect("it answers");
        for master in &self.masters {
            run(master, &["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]);
        }
    }

    /// Ends a master at once (SIGKILL).
    pub fn kill(&self, master: usize) {
        self.masters[master].kill();
    }

    /// Writes a master's data to its disk, where it finds them again when it is restarted.
    ///
    /// # Panics
    /// When it is away.
    pub fn save(&self, master: usize) {
        run(&self.masters[master], &["SAVE"]);
    }

    /// Stops the world of a master (SIGSTOP).
    pub fn freeze(&self, master: usize) {
        self.masters[master].signal("STOP");
    }

    /// Lets a frozen master go on.
    pub fn thaw(&self, master: usize) {
        self.masters[master].signal("CONT");
    }

    /// Waits until the replica of a master holds whatever the master does.
    ///
    /// # Panics
    /// When that does not happen, or there is none.
    pub fn wait_until_replicated(&self, master: usize) {
        let offset = |server: &Server, name: &str| {
            let info = server.ask::<String>(&["INFO", "replication"]).unwrap_or_default();
            info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        wait_until("the replica has caught up", || {
            let sent = offset(&self.masters[master], "master_repl_offset:");
            sent.is_some() && offset(&self.replicas[master], "slave_repl_offset:") >= sent
        });
    }

    /// Waits until the replica of a master that is away has taken its place, and serves.
    ///
    /// # Panics
    /// When that does not happen, or there is none.
    pub fn wait_for_promotion(&self, master: usize) {
        wait_until("the replica is the master", || {
            let said = |words: &[&str]| self.replicas[master].ask::<String>(words).unwrap_or_default();
            said(&["INFO", "replication"]).contains("role:master")
                && said(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        });
    }

    /// Starts a killed master again, with its slots and the data that were saved, and waits until it serves them:
    /// Redis itself lets up to five seconds pass before a master that was away does.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self, master: usize) {
        let master = &self.masters[master];
        master.run();
        wait_until("the master has joined again", || {
            master.ask::<String>(&["CLUSTER", "INFO"]).is_ok_and(|info| info.contains("cluster_state:ok"))
        });
    }
}

fn setup(silence: &str) -> Setup {
    let settings = [
        ("cluster-enabled", "yes".to_owned()),
        ("cluster-port", free_tcp_port().to_string()),
        ("cluster-node-timeout", silence.to_owned()),
        ("cluster-require-full-coverage", "no".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Setup { tcp: true, settings, ..Setup::default() }
}

fn meet(master: &Server, other: &Server) {
    let port = other.address().expect("it listens on TCP").port().to_string();
    let info: Vec<String> = other.ask(&["CONFIG", "GET", "cluster-port"]).expect("it answers");
    run(master, &["CLUSTER", "MEET", "127.0.0.1", &port, &info[1]]);
}

fn run(server: &Server, words: &[&str]) {
    server.ask::<redis::Value>(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
}
