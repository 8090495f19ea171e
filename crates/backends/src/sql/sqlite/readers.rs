//! A few connections that read, beside the writer and without waiting for it (WAL).
//!
//! Each belongs to a thread that takes the next query by itself: a place that had to be handed to a waiting task would
//! stand idle until that task's turn comes, which under load takes longer than the query.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::connection::open_reader;
use super::failure::Failure;
use super::statements;
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::stream::{BATCH_ROWS, Batch};
use crate::sql::value::Value;

/// Short queries at the same time.
const READERS: usize = 4;
/// Long streams (exports) at the same time; apart, so that they cannot starve short queries.
const STREAMS: usize = 4;
/// Queries that may wait.
const QUEUE: usize = 4_096;
/// How long a query waits for its turn.
const WAIT: Duration = Duration::from_secs(1);

/// What a thread does with its connection, or with the reason why there is none; whether the connection is sound.
type Job = Box<dyn FnOnce(Result<&Connection, SqlError>) -> bool + Send>;

struct Waiting {
    since: Instant,
    job: Job,
}

/// The threads. Connections are opened when first needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    queue: Mutex<Option<SyncSender<Waiting>>>,
    streams: Arc<Semaphore>,
}

impl Readers {
    /// Starts the threads; they end when it is closed or dropped.
    pub(super) fn start(path: &Path) -> std::io::Result<Self> {
        let (queue, inbox) = sync_channel(QUEUE);
        let inbox = Arc::new(Mutex::new(inbox));
        for number in 0..READERS {
            let (inbox, path) = (Arc::clone(&inbox), path.to_owned());
            let thread = std::thread::Builder::new().name(format!("sqlite-reader-{number}"));
            thread.spawn(move || work(&inbox, &path))?;
        }
        let streams = Arc::new(Semaphore::new(STREAMS));
        Ok(Self { path: path.to_owned(), queue: Mutex::new(Some(queue)), streams })
    }

    /// Runs `work` on a connection, off the async threads. Not begun when nobody waits for it any more.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let (reply, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if reply.is_closed() {
                return true;
            }
            let outcome = connection.and_then(work);
            let sound = !matches!(outcome, Err(SqlError::Unavailable(_)));
            let _ = reply.send(outcome);
            sound
        });
        self.push(Waiting { since: Instant::now(), job })?;
        // Dropped unanswered when it has waited too long, or has panicked.
        outcome.await.unwrap_or_else(|_| Err(busy()))
    }

    fn push(&self, waiting: Waiting) -> Result<(), SqlError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = &*queue else { return Err(closed()) };
        queue.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => busy(),
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// All rows of a query.
    pub(super) async fn rows(&self, text: &'static str, params: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        self.with(move |connection| {
            let mut rows = Vec::new();
            statements::read(connection, text, &params, |row| {
                rows.push(row);
                true
            })?;
            Ok(rows)
        })
        .await
    }

    /// Sends the rows in batches until the receiver is gone. Memory is bounded by the channel.
    pub(super) async fn stream(
        self: Arc<Self>,
        text: &'static str,
        params: Vec<Value>,
        out: mpsc::Sender<Batch>,
    ) {
        let permit = match permit(&self.streams).await {
            Ok(permit) => permit,
            Err(error) => return drop(out.send(Err(error)).await),
        };
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            if let Err(error) = read_in_batches(&path, text, &params, &out) {
                let _ = out.blocking_send(Err(error));
            }
            drop(permit);
        });
        if let Err(error) = task.await {
            tracing::error!(%error, "a stream of rows ended early");
        }
    }

    /// Ends the threads with what is queued, so that the last connection to go can tidy up the log.
    pub(super) fn close(&self) {
        self.streams.close();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn work(queue: &Mutex<Receiver<Waiting>>, path: &Path) {
    let mut kept = None;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Waiting { since, job }) = next else { return };
        if since.elapsed() > WAIT {
            continue;
        }
        let connection = kept.take().map_or_else(|| open_reader(path), Ok);
        let sound = catch_unwind(AssertUnwindSafe(|| job(connection.as_ref().map_err(Clone::clone))));
        kept = connection.ok().filter(|_| sound.unwrap_or(false));
    }
}

fn busy() -> SqlError {
    SqlError::Unavailable("all reading connections are busy".to_owned())
}

fn closed() -> SqlError {
    SqlError::Unavailable("the database is closed".to_owned())
}

fn read_in_batches(
    path: &Path,
    text: &'static str,
    params: &[Value],
    out: &mpsc::Sender<Batch>,
) -> Result<(), SqlError> {
    let connection = open_reader(path)?;
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut wanted = true;
    statements::read(&connection, text, params, |row| {
        batch.push(row);
        if batch.len() == BATCH_ROWS {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            wanted = out.blocking_send(Ok(full)).is_ok();
        }
        wanted
    })?;
    if wanted && !batch.is_empty() {
        let _ = out.blocking_send(Ok(batch));
    }
    Ok(())
}

async fn permit(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, SqlError> {
    match tokio::time::timeout(WAIT, Arc::clone(semaphore).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(closed()),
        Err(_) => Err(busy()),
    }
}

/// Prepares without running; returns the number of parameters.
pub(super) fn prepare(connection: &Connection, text: &str) -> Result<usize, SqlError> {
    let prepared = connection.prepare(text).map_err(|error| Failure::of(&error).error)?;
    Ok(prepared.parameter_count())
}
