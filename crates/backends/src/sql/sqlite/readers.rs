//! A few connections that read, beside the writer and without waiting for it (WAL).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

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
/// How long a query waits for a free connection.
const WAIT: Duration = Duration::from_secs(1);

/// The pool. Connections are opened when first needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    queries: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            queries: Arc::new(Semaphore::new(READERS)),
            streams: Arc::new(Semaphore::new(STREAMS)),
        }
    }

    /// Runs `work` on a free connection, off the async threads.
    pub(super) async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let permit = permit(&self.queries).await?;
        let pool = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let connection = pool.take()?;
            let outcome = work(&connection);
            if !matches!(outcome, Err(SqlError::Unavailable(_))) {
                pool.put_back(connection);
            }
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(SqlError::Unavailable(format!("the query was ended: {error}"))))
    }

    /// All rows of a query.
    pub(super) async fn rows(
        self: &Arc<Self>,
        text: &'static str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, SqlError> {
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

    /// Closes idle connections, so that the last one to go can tidy up the log.
    pub(super) fn close(&self) {
        self.queries.close();
        self.streams.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Result<Connection, SqlError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open_reader(&self.path), Ok)
    }

    fn put_back(&self, connection: Connection) {
        if !self.queries.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

fn read_in_batches(
    path: &Path,
    text: &str,
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
        Ok(Err(_)) => Err(SqlError::Unavailable("the database is closed".to_owned())),
        Err(_) => Err(SqlError::Unavailable("all reading connections are busy".to_owned())),
    }
}

/// Prepares without running; returns the number of parameters.
pub(super) fn prepare(connection: &Connection, text: &str) -> Result<usize, SqlError> {
    let prepared = connection.prepare(text).map_err(|error| Failure::of(&error).error)?;
    Ok(prepared.parameter_count())
}
