//! One server of a link: its connection, its breaker, and the search for it when it is lost.
//!
//! * At most one task searches for a server; it ends when the server is found or the node is dropped.
//! * A server that answers but takes no writes keeps its connection: reading and ending go on.
//! * Connections are numbered: what happens to an old one says nothing about the one in use.

mod writes;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use redis::{PushInfo, PushKind, RedisError, Value};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::finder::{Finder, Ticket};
use super::health::Health;
use super::line::{Line, Unanswered};
use super::request::{Meaning, Request};
use super::server::inspect;
use super::{ConnectError, LinkOptions};

/// Why a node gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody answers, or nobody is asked because the breaker is open.
    Away(String),
    /// The server refused.
    Refused(RedisError),
}

/// One server.
pub(super) struct Node {
    /// What it is called in the log; in a cluster, where it listens.
    pub(super) name: String,
    finder: Finder,
    options: Arc<LinkOptions>,
    health: Health,
    /// The number given out last.
    numbers: AtomicU64,
    /// What the look at the server said that was not wrong enough to refuse; empty until it was looked at.
    warnings: OnceLock<Vec<String>>,
    state: watch::Sender<State>,
}

struct State {
    connection: Option<Line>,
    /// The number of the connection, also after it is lost.
    number: u64,
    breaker: Breaker,
    searching: bool,
    reason: String,
    /// Why it takes no writes, if it takes none.
    refuses_writes: Option<&'static str>,
}

impl Node {
    /// A node that is not connected yet.
    pub(super) fn new(name: String, finder: Finder, options: Arc<LinkOptions>, health: Health) -> Arc<Self> {
        let state = State {
            connection: None,
            number: 0,
            breaker: Breaker::new(options.opens_after),
            searching: false,
            reason: String::new(),
            refuses_writes: None,
        };
        Arc::new(Self {
            name,
            finder,
            options,
            health,
            numbers: AtomicU64::new(0),
            warnings: OnceLock::new(),
            state: watch::Sender::new(state),
        })
    }

    /// Looks once. If the server cannot be used it counts as away, and is searched for from now on.
    pub(super) async fn find(self: &Arc<Self>) -> Option<ConnectError> {
        let error = self.connect().await.err()?;
        let number = self.state.borrow().number;
        self.open(number, &error.to_string(), Breaker::trip);
        Some(error)
    }

    /// Connects; a server that is used for the first time is looked at before.
    async fn connect(self: &Arc<Self>) -> Result<(), ConnectError> {
        let (number, mut connection) = self.finder.connect(&self.options, || self.ticket()).await?;
        if self.warnings.get().is_none() {
            let warnings =
                inspect(&mut connection, &self.options).await.map_err(|error| error.at(&self.name))?;
            for warning in &warnings {
                tracing::warn!(server = self.name, "{warning}");
            }
            // Only one task connects at a time.
            let _ = self.warnings.set(warnings);
        }
        self.adopt(number, Line::new(connection));
        Ok(())
    }

    /// What the look at the server said that was not wrong enough to refuse.
    pub(super) fn warnings(&self) -> &[String] {
        self.warnings.get().map_or(&[], Vec::as_slice)
    }

    /// Begins to search without waiting for it.
    fn search(self: &Arc<Self>) {
        let begins = self.state.send_if_modified(|state| {
            state.connection.is_none() && !std::mem::replace(&mut state.searching, true)
        });
        if begins {
            let pause = self.options.pause_between_attempts;
            tokio::spawn(search_until_found(Arc::downgrade(self), pause));
        }
    }

    /// Whether the breaker is open.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().breaker.is_open()
    }

    /// Sends a request and waits for the answer until `deadline`.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<'_>,
        asking: bool,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let (number, line) = match self.usable()? {
            (number, Some(line)) => (number, line),
            (number, None) => match timeout_at(deadline, self.connection()).await {
                Ok(found) => found?,
                Err(_) => return Err(self.late(number)),
            },
        };
        match request.send(&line, asking, deadline).await {
            Ok(value) => {
                self.answered(number);
                Ok(value)
            }
            Err(Unanswered::Failed(error)) => {
                self.refused(number, &error);
                Err(Failure::Refused(error))
            }
            Err(Unanswered::Late) => Err(self.late(number)),
        }
    }

    fn late(self: &Arc<Self>, number: u64) -> Failure {
        self.failed(number, "no answer in time");
        Failure::Away(format!("{}: no answer in time", self.name))
    }

    /// The number of the connection and, unless it is being made, the connection; an error while the breaker is open.
    fn usable(&self) -> Result<(u64, Option<Line>), Failure> {
        let state = self.state.borrow();
        if state.breaker.is_open() {
            return Err(Failure::Away(format!("{}: {}", self.name, state.reason)));
        }
        Ok((state.number, state.connection.clone()))
    }

    /// Waits for the connection that is being made; an error as soon as the breaker opens.
    async fn connection(self: &Arc<Self>) -> Result<(u64, Line), Failure> {
        self.search();
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| state.connection.is_some() || state.breaker.is_open()).await;
        let Ok(state) = state else { return Err(Failure::Away(self.name.clone())) };
        let found = state.connection.clone().map(|connection| (state.number, connection));
        found.ok_or_else(|| Failure::Away(format!("{}: {}", self.name, state.reason)))
    }

    fn answered(&self, number: u64) {
        if self.state.borrow().breaker.has_failures() {
            self.change(number, |state| state.breaker.succeeded());
        }
    }

    fn refused(self: &Arc<Self>, number: u64, error: &RedisError) {
        match Meaning::of(error) {
            Meaning::ConnectionLost => {
                self.disconnected(number);
                self.failed(number, &error.to_string());
            }
            Meaning::Demoted => self.open(number, &error.to_string(), Breaker::trip),
            Meaning::Busy => self.failed(number, &error.to_string()),
            Meaning::TakesNoWrites(why) => self.refused_to_write(number, why, error),
            Meaning::NotNow | Meaning::Mistake => self.answered(number),
        }
    }

    fn failed(self: &Arc<Self>, number: u64, reason: &str) {
        self.open(number, reason, Breaker::failed);
    }

    /// Counts against the breaker; if that opens it, the connection is given up and another one searched for.
    fn open(self: &Arc<Self>, number: u64, reason: &str, count: fn(&mut Breaker) -> bool) {
        let mut opened = false;
        self.change(number, |state| {
            opened = count(&mut state.breaker);
            if opened {
                state.connection = None;
                reason.clone_into(&mut state.reason);
            }
        });
        if opened {
            self.health.lost(&self.name, reason);
            self.search();
        }
    }

    /// The connection is gone; calls wait for the next one as long as their budget lasts.
    fn disconnected(self: &Arc<Self>, number: u64) {
        let mut lost = false;
        self.change(number, |state| lost = state.connection.take().is_some());
        if lost {
            self.search();
        }
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut State)) {
        self.state.send_if_modified(|state| {
            let current = state.number == number;
            if current {
                change(state);
            }
            current
        });
    }

    fn adopt(&self, number: u64, connection: Line) {
        let mut closed = false;
        self.state.send_modify(|state| {
            state.connection = Some(connection);
            state.number = number;
            state.searching = false;
            closed = state.breaker.close();
        });
        if closed {
            self.health.found(&self.name);
        }
    }

    /// Remembers why the search goes on. What only somebody can put right is worth a line in the log.
    fn note(&self, error: &ConnectError) {
        let reason = error.to_string();
        if matches!(error, ConnectError::Unusable(_)) && self.state.borrow().reason != reason {
            tracing::error!(server = self.name, reason, "Redis is there but cannot be used");
        }
        self.state.send_if_modified(|state| {
            state.reason = reason;
            false
        });
    }

    /// RESP3 tells of a lost connection also while nothing is asked.
    fn ticket(self: &Arc<Self>) -> Ticket {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let node = Arc::downgrade(self);
        let pushes = Box::new(move |push: PushInfo| {
            if let (PushKind::Disconnection, Some(node)) = (&push.kind, node.upgrade()) {
                node.disconnected(number);
            }
            Ok::<(), ()>(())
        });
        Ticket { number, pushes }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let state = self.state.borrow();
        for _ in 0..usize::from(state.breaker.is_open()) + usize::from(state.refuses_writes.is_some()) {
            self.health.forgotten();
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Node({}, open: {})", self.name, self.is_open())
    }
}

async fn search_until_found(node: Weak<Node>, pause: Duration) {
    loop {
        let Some(node) = node.upgrade() else { return };
        match node.connect().await {
            Ok(()) => return,
            Err(error) => node.note(&error),
        }
        drop(node);
        tokio::time::sleep(pause).await;
    }
}
