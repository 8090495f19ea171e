//! PostgreSQL is killed again and again under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::bookkeeping::{Told, check_on, event};
use crate::support::binary::{Binary, Tokens};
use crate::support::{PASSWORD, fresh_email};
use crate::tools::rounds;
use reqwest::Method;
use testkit::postgres::{ClusterOptions, Postgres};

const CLIENTS: usize = 6;
/// From the moment the server takes connections again.
const HEALED_WITHIN: Duration = Duration::from_secs(5);

/// One client and what it was told.
#[derive(Clone)]
struct Client {
    who: Tokens,
    told: Arc<Mutex<Told>>,
}

impl Client {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("nobody panics with it")
    }

    /// Creates events, and signs in now and then, until it is told to stop.
    async fn work(mut self, server: Arc<Binary>, stop: Arc<AtomicBool>) {
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let title = format!("{} {number}", self.who.email);
            let made = server.signed(&self.who, Method::POST, "/api/events", &event(&title)).await;
            self.told().note(title, &made.expect("the program lives"));
            if number % 10 == 9 {
                let login = server.login(&self.who.email, PASSWORD).await.expect("the program lives");
                // A person has five sessions at most; the newest is the last to go.
                match login.status.as_u16() {
                    200 => {
                        (self.who.token, self.who.csrf) = (login.field("token"), login.field("csrf_token"));
                    }
                    status => assert_eq!(status, 503, "{}", login.text),
                }
            }
        }
    }

    async fn check(&self, server: &Binary) {
        let login = server.login(&self.who.email, PASSWORD).await.expect("the program lives").expect(200);
        let who = Tokens { token: login.field("token"), csrf: login.field("csrf_token"), ..self.who.clone() };
        let told = std::mem::take(&mut *self.told());
        check_on(server, &who, &told).await;
    }
}

fn total(clients: &[Client], count: impl Fn(&Told) -> usize) -> usize {
    clients.iter().map(|client| count(&client.told())).sum()
}

/// Real time: a real server dies and comes back.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// F06: PostgreSQL killed again and again under load: what was acknowledged is there once, with its audit row;
/// while it is away clients get 503, never 500; and the pool heals within five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_postgres_is_killed() {
    let database = Postgres::private(&ClusterOptions::default().durable());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Arc::new(Binary::start_on_postgres(folder.path(), &database.url("postgres")).await);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let who = server.found(&fresh_email()).await.expect("the program lives");
        clients.push(Client { who, told: Arc::default() });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work: Vec<_> = clients
        .iter()
        .map(|client| tokio::spawn(client.clone().work(server.clone(), stop.clone())))
        .collect();
    for round in 0..rounds() {
        let created = total(&clients, |told| told.created.len());
        until("events are created", || total(&clients, |told| told.created.len()) > created + 20).await;
        let refused = total(&clients, |told| told.refused.len());
        tokio::task::block_in_place(|| database.kill());
        until("clients are told", || total(&clients, |told| told.refused.len()) > refused).await;
        tokio::task::block_in_place(|| database.start());
        let (begun, created) = (Instant::now(), total(&clients, |told| told.created.len()));
        until("the pool heals", || total(&clients, |told| told.created.len()) > created).await;
        assert!(begun.elapsed() < HEALED_WITHIN, "round {round}: {:?}", begun.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    for client in work {
        client.await.expect("a client saw something wrong");
    }
    for client in &clients {
        client.check(&server).await;
    }
}
