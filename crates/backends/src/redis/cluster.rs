//! A Redis Cluster: every master is a [`Node`] with a breaker of its own, so that one that fails takes only
//! its own slots away.
//!
//! * MOVED and ASK mean that nothing ran: the request follows them, within its budget.
//! * A redirection, a lost master or `CLUSTERDOWN` make the map of slots be read again, in the background and
//!   at most once per pause.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, timeout};

use super::finder::Finder;
use super::health::Health;
use super::node::{Failure, Node};
use super::request::Request;
use super::server::open;
use super::slots::{Range, read_address, read_ranges, tag_in};
use super::target::address;
use super::{ConnectError, LinkOptions};

const MOST_REDIRECTIONS: u32 = 3;

/// A cluster and what is known of its layout.
pub(super) struct Cluster {
    seeds: Vec<ConnectionInfo>,
    options: Arc<LinkOptions>,
    health: Health,
    map: RwLock<Map>,
    reading: AtomicBool,
    /// Whether no layout was ever read, which counts as one server that is away.
    unknown: AtomicBool,
}

#[derive(Default)]
struct Map {
    nodes: HashMap<String, Arc<Node>>,
    owners: Vec<(u16, u16, Arc<Node>)>,
}

impl Cluster {
    /// A cluster whose layout was read, or with the reason why it could not be read yet.
    pub(super) async fn find(
        seeds: Vec<ConnectionInfo>,
        options: Arc<LinkOptions>,
        health: Health,
    ) -> (Arc<Self>, Option<ConnectError>) {
        let (reading, unknown) = (AtomicBool::new(false), AtomicBool::new(false));
        let cluster = Arc::new(Self { seeds, options, health, map: RwLock::default(), reading, unknown });
        let error = cluster.read_map().await.err();
        if let Some(error) = &error {
            cluster.unknown.store(true, Ordering::Release);
            cluster.health.lost(&"the cluster", &error.to_string());
        }
        (cluster, error)
    }

    /// All masters that are known. When there are none, they are looked for.
    pub(super) fn nodes(self: &Arc<Self>) -> Vec<Arc<Node>> {
        let nodes: Vec<_> = self.read(|map| map.nodes.values().cloned().collect());
        if nodes.is_empty() {
            self.read_map_again();
        }
        nodes
    }

    /// For every master that has slots a key in them, which also carries the master's address: a slot that moves
    /// does not take the key of its former master along.
    pub(super) fn key_on_each_master(self: &Arc<Self>, name: &str) -> Vec<String> {
        let mut widest: HashMap<String, (u16, u16)> = HashMap::new();
        self.read(|map| {
            for (first, last, node) in &map.owners {
                let range = widest.entry(node.name.clone()).or_insert((*first, *last));
                if last - first > range.1 - range.0 {
                    *range = (*first, *last);
                }
            }
        });
        if widest.is_empty() {
            self.read_map_again();
        }
        widest
            .into_iter()
            .map(|(node, (first, last))| format!("{name}:{{{}}}:{node}", tag_in(first, last)))
            .collect()
    }

    /// Sends a request to the master of `slot`, to any master if it has none.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<'_>,
        slot: Option<u16>,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let Some(mut node) = self.owner(slot) else {
            self.read_map_again();
            return Err(Failure::Away("no master has this slot".to_owned()));
        };
        let mut asking = false;
        for _ in 0..MOST_REDIRECTIONS {
            match node.send(request, asking, deadline).await {
                Err(Failure::Refused(error)) => match self.redirection(&error) {
                    Some((next, is_ask)) => (node, asking) = (next, is_ask),
                    None => return Err(Failure::Refused(error)),
                },
                Err(failure) => {
                    self.read_map_again();
                    return Err(failure);
                }
                answer => return answer,
            }
        }
        Err(Failure::Away("the cluster's servers send each other the request".to_owned()))
    }

    fn redirection(self: &Arc<Self>, error: &RedisError) -> Option<(Arc<Node>, bool)> {
        let is_ask = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
        if !is_ask {
            match error.kind() {
                ErrorKind::Server(
                    ServerErrorKind::Moved | ServerErrorKind::ClusterDown | ServerErrorKind::ReadOnly,
                )
                | ErrorKind::Io => self.read_map_again(),
                _ => {}
            }
        }
        let (target, _) = error.redirect_node()?;
        let (host, port) = read_address(target)?;
        Some((self.node(&host, port), is_ask))
    }

    fn owner(&self, slot: Option<u16>) -> Option<Arc<Node>> {
        self.read(|map| match slot {
            None => map.nodes.values().find(|node| !node.is_open()).or(map.nodes.values().next()).cloned(),
            Some(slot) => {
                let after = map.owners.partition_point(|(first, ..)| *first <= slot);
                let (_, last, node) = map.owners.get(after.checked_sub(1)?)?;
                (slot <= *last).then(|| Arc::clone(node))
            }
        })
    }

    /// The node at an address, a new one if it is not known yet.
    fn node(&self, host: &str, port: u16) -> Arc<Node> {
        let name = format!("{host}:{port}");
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let node = map.nodes.entry(name.clone()).or_insert_with(|| self.new_node(name, host, port));
        Arc::clone(node)
    }

    fn new_node(&self, name: String, host: &str, port: u16) -> Arc<Node> {
        let finder = Finder::Fixed(Box::new(self.info(host, port)));
        Node::new(name, finder, Arc::clone(&self.options), self.health.clone())
    }

    /// All nodes share credentials, protocol and TLS with the first seed; there is one at least.
    fn info(&self, host: &str, port: u16) -> ConnectionInfo {
        let seed = &self.seeds[0];
        let tls = matches!(seed.addr(), ConnectionAddr::TcpTls { .. });
        seed.clone().set_addr(address(host.to_owned(), port, tls))
    }

    fn read<T>(&self, look: impl FnOnce(&Map) -> T) -> T {
        look(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_map_again(self: &Arc<Self>) {
        if !self.reading.swap(true, Ordering::AcqRel) {
            tokio::spawn(read_once(Arc::downgrade(self), self.options.pause_between_attempts));
        }
    }

    /// Asks everybody known; the first layout that arrives is taken.
    async fn read_map(&self) -> Result<(), ConnectError> {
        let mut places: Vec<(String, u16)> = self.seeds.iter().filter_map(place_of).collect();
        places.extend(
            self.read(|map| map.nodes.keys().filter_map(|name| read_address(name)).collect::<Vec<_>>()),
        );
        places.sort_unstable();
        places.dedup();
        let mut answers: FuturesUnordered<_> =
            places.iter().map(|(host, port)| self.ranges_told_by(host, *port)).collect();
        let mut errors = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(ranges) => {
                    self.adopt(&ranges);
                    return Ok(());
                }
                Err(error) => errors.push(error),
            }
        }
        Err(ConnectError::of_all(errors))
    }

    async fn ranges_told_by(&self, host: &str, port: u16) -> Result<Vec<Range>, ConnectError> {
        let place = format!("{host}:{port}");
        let mut connection = open(&self.info(host, port), &self.options, None).await?;
        let mut command = Cmd::new();
        command.arg("CLUSTER").arg("SLOTS");
        let reply = timeout(self.options.connect_budget, command.query_async::<Value>(&mut connection)).await;
        let away = |why: &str| ConnectError::Away(format!("{place}: {why}"));
        let reply = reply.map_err(|_| away("no answer to CLUSTER SLOTS"))?;
        let reply = reply.map_err(|error| ConnectError::of(&error).at(&place))?;
        let mut ranges = read_ranges(reply).ok_or_else(|| away("not a layout of slots"))?;
        if ranges.is_empty() {
            return Err(away("the cluster has no slots yet"));
        }
        for range in ranges.iter_mut().filter(|range| range.host.is_empty()) {
            host.clone_into(&mut range.host);
        }
        Ok(ranges)
    }

    fn adopt(&self, ranges: &[Range]) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let mut new = Map::default();
        for range in ranges {
            let name = format!("{}:{}", range.host, range.port);
            let node = map.nodes.remove(&name).or_else(|| new.nodes.get(&name).cloned());
            let node = node.unwrap_or_else(|| self.new_node(name.clone(), &range.host, range.port));
            new.owners.push((range.first, range.last, Arc::clone(&node)));
            new.nodes.insert(name, node);
        }
        *map = new;
        if self.unknown.swap(false, Ordering::AcqRel) {
            self.health.found(&"the cluster");
        }
    }
}

fn place_of(info: &ConnectionInfo) -> Option<(String, u16)> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host.clone(), *port))
        }
        _ => None,
    }
}

async fn read_once(cluster: Weak<Cluster>, pause: Duration) {
    if let Some(cluster) = cluster.upgrade() {
        // Whoever needs it and does not find it asks again.
        let _ = cluster.read_map().await;
    }
    tokio::time::sleep(pause).await;
    if let Some(cluster) = cluster.upgrade() {
        cluster.reading.store(false, Ordering::Release);
    }
}
