//! Nodes are replaced one after the other behind a load balancer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use testkit::postgres::Postgres;
use testkit::redis::Redis;

use crate::bookkeeping::{Told, check_on, event};
use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, KEYS, fresh_email, fresh_ip};
use crate::tools::*;

const CLIENTS: usize = 3;
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Sends each request to a node that was ready at the last look, in turns, and never a second time.
struct Balancer {
    nodes: Mutex<Vec<SocketAddr>>,
    ready: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
    http: reqwest::Client,
}

impl Balancer {
    fn before(nodes: Vec<SocketAddr>) -> Arc<Self> {
        let (nodes, ready) = (Mutex::new(nodes.clone()), Mutex::new(nodes));
        Arc::new(Self { nodes, ready, turn: AtomicUsize::new(0), http: reqwest::Client::new() })
    }

    async fn look(self: Arc<Self>) {
        loop {
            let nodes = self.nodes.lock().expect("nobody panics with it").clone();
            let mut ready = Vec::new();
            for node in nodes {
                let answer = self.http.get(format!("http://{node}/ready")).send().await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    ready.push(node);
                }
            }
            *self.ready.lock().expect("nobody panics with it") = ready;
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    fn replace(&self, old: SocketAddr, new: SocketAddr) {
        let mut nodes = self.nodes.lock().expect("nobody panics with it");
        nodes.retain(|node| *node != old);
        nodes.push(new);
    }

    async fn until_ready(&self, node: SocketAddr) {
        let begun = Instant::now();
        while !self.ready.lock().expect("nobody panics with it").contains(&node) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never gets ready");
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    fn request(&self, who: &Tokens, method: Method, path: &str) -> RequestBuilder {
        let ready = self.ready.lock().expect("nobody panics with it");
        assert!(!ready.is_empty(), "no node is ready");
        let node = ready[self.turn.fetch_add(1, Ordering::Relaxed) % ready.len()];
        let request = self.http.request(method, format!("http://{node}{path}"));
        request
            .header("X-Forwarded-For", fresh_ip())
            .bearer_auth(&who.token)
            .header("X-CSRF-Token", &who.csrf)
    }
}

async fn start(folder: &Path, database: &str, redis: &str) -> Binary {
    let own = [
        ("DATABASE_URL", database),
        ("MIGRATE_ON_START", "true"),
        ("REDIS_URL", redis),
        ("SHUTDOWN_GRACE_SECONDS", "2"),
    ];
    Binary::start(folder, &[own.as_slice(), KEYS.as_slice()].concat()).await
}

/// How many answers were good, and what the others were.
#[derive(Default)]
struct Count {
    good: usize,
    odd: Vec<String>,
}

impl Count {
    fn note(&mut self, answer: &Answer, status: u16) {
        if answer.status == status {
            self.good += 1;
        } else {
            self.odd.push(format!("{} {}", answer.status, answer.text));
        }
    }
}

/// Uses the application until told to stop. A session that ends, and a request that gets no answer, are failures.
async fn work(balancer: Arc<Balancer>, who: Tokens, told: Arc<Mutex<Told>>, stop: Arc<AtomicBool>) -> Count {
    let mut count = Count::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let title = format!("{} {number}", who.email);
        let made = balancer.request(&who, Method::POST, "/api/events").json(&event(&title)).send().await;
        let made = Answer::of(made).await;
        count.note(&made, 201);
        told.lock().expect("nobody panics with it").note(title, &made);
        let me = Answer::of(balancer.request(&who, Method::GET, "/api/people/me").send().await).await;
        count.note(&me, 200);
    }
    count
}

/// What a node's log tells of what went wrong.
fn complaints(node: &Binary) -> String {
    let log = node.program.stdout() + &node.program.stderr();
    let wrong = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    wrong.map(|line| format!("{}: {line}\n", node.address)).collect()
}

/// F11: two nodes that start together on an empty database, one migrating it, and are then replaced one after the
/// other behind a load balancer: no request fails and nobody is signed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_is_noticed_by_nobody() {
    let database = Postgres::shared().fresh_database().await;
    let redis = Redis::private(&testkit::redis::RedisOptions::default().tcp());
    let redis = redis.tcp_url();
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let (one, two) = tokio::join!(
        start(folders[0].path(), &database, &redis),
        start(folders[1].path(), &database, &redis)
    );
    let mut nodes = [one, two];
    let balancer = Balancer::before(nodes.iter().map(|node| node.address).collect());
    let looking = tokio::spawn(balancer.clone().look());
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let who = nodes[number % 2].found(&fresh_email()).await.expect("it lives");
        let told = Arc::new(Mutex::new(Told::default()));
        let working = tokio::spawn(work(balancer.clone(), who.clone(), told.clone(), stop.clone()));
        clients.push((who, told, working));
    }
    let mut log = String::new();
    for _ in 0..rounds() {
        for (node, folder) in nodes.iter_mut().zip(&folders) {
            node.program.terminate();
            let ended = node.program.wait_for_exit(Duration::from_secs(30)).await;
            assert_eq!(ended.code(), Some(0), "{}", node.program.stderr());
            log += &complaints(node);
            let new = start(folder.path(), &database, &redis).await;
            balancer.replace(node.address, new.address);
            balancer.until_ready(new.address).await;
            *node = new;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for (who, told, working) in clients {
        let count = working.await.expect("a request failed");
        log += &nodes.each_ref().map(complaints).concat();
        assert!(count.odd.is_empty(), "beside {} good ones: {:?}\n{log}", count.good, count.odd);
        let told = std::mem::take(&mut *told.lock().expect("nobody panics with it"));
        check_on(&nodes[0], &who, &told).await;
    }
    looking.abort();
}
