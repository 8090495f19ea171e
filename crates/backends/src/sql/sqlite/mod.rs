//! The embedded engine: one file, one thread that writes, a few connections that read: short queries on the spot, others
//! on threads of their own.
//!
//! What the deployment must ensure: the file lies on a local disk that honours `fsync`; only one server
//! process writes to it (others, such as the command line, may, but wait for each other).

mod at_once;
mod connection;
mod exclusive;
mod failure;
mod readers;
mod statements;
mod wal;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use at_once::AtOnce;
pub(super) use exclusive::SqliteExclusive;
use readers::Readers;
use writer::{Job, Message, Writer};

use super::error::SqlError;
use super::row::Row;
use super::stream::Batch;
use super::unit::{Committed, Statement};
use super::value::Value;

/// Units that may wait for the writer.
const QUEUE: usize = 1_024;
/// How long a unit waits for a place in a full queue.
const QUEUE_WAIT: Duration = Duration::from_secs(1);

/// The driver.
#[derive(Debug)]
pub(super) struct SqliteDatabase {
    path: PathBuf,
    queue: mpsc::Sender<Message>,
    readers: Arc<Readers>,
    at_once: AtOnce,
}

impl SqliteDatabase {
    pub(super) async fn open(path: &Path) -> Result<Self, SqlError> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let connection = connection::open_writer(&path)?;
            let at_once = AtOnce::open(&path)?;
            Ok((path, connection, at_once))
        });
        let (path, connection, at_once) =
            opened.await.map_err(|error| SqlError::Unavailable(error.to_string()))??;
        let (queue, inbox) = mpsc::channel(QUEUE);
        let writer = Writer::new(path.clone(), connection);
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(|error| SqlError::Unavailable(format!("no thread for the writer: {error}")))?;
        let readers = Readers::start(&path)
            .map_err(|error| SqlError::Unavailable(format!("no threads for the readers: {error}")))?;
        let readers = Arc::new(readers);
        Ok(Self { path, queue, readers, at_once })
    }

    pub(super) async fn commit(&self, statements: Vec<Statement>) -> Result<Committed, SqlError> {
        let (reply, outcome) = oneshot::channel();
        let message = Message::Commit(Job { statements, reply });
        self.queue.send_timeout(message, QUEUE_WAIT).await.map_err(|error| {
            SqlError::Unavailable(match error {
                mpsc::error::SendTimeoutError::Timeout(_) => "too many changes are waiting".to_owned(),
                mpsc::error::SendTimeoutError::Closed(_) => "the database is closed".to_owned(),
            })
        })?;
        outcome.await.unwrap_or_else(|_| Err(SqlError::Uncertain("the writer has stopped".to_owned())))
    }

    pub(super) async fn rows(&self, text: &'static str, params: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        match self.at_once.rows(text, &params) {
            Some(answer) => answer,
            None => self.readers.rows(text, params).await,
        }
    }

    pub(super) fn stream(&self, text: &'static str, params: Vec<Value>, out: mpsc::Sender<Batch>) {
        tokio::spawn(Arc::clone(&self.readers).stream(text, params, out));
    }

    pub(super) async fn prepare(&self, text: &'static str) -> Result<usize, SqlError> {
        self.readers.with(move |connection| readers::prepare(connection, text)).await
    }

    pub(super) async fn exclusive(&self) -> Result<SqliteExclusive, SqlError> {
        SqliteExclusive::begin(self.path.clone()).await
    }

    pub(super) async fn close(&self) {
        self.at_once.close();
        self.readers.close();
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}
