//! The production engine: a pool of connections, a unit in one round trip.
//!
//! What the deployment must ensure: PostgreSQL 15 or newer, reached directly, through a session pooler, or through
//! a transaction pooler that `?pgbouncer=true` tells us of: there nothing may outlive a transaction.

mod attempts;
mod commit;
mod connect;
mod connector;
mod encode;
mod exclusive;
mod failure;
mod inserts;
mod lanes;
mod statements;
mod stream;
mod target;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use hardening::clock::Timestamp;
use tokio::sync::{Semaphore, mpsc};

pub(super) use exclusive::PostgresExclusive;
pub use target::PostgresTarget;

use super::error::SqlError;
use super::row::Row;
use super::stream::Batch;
use super::unit::{Committed, Statement};
use super::value::Value;
use crate::names::Names;
use connector::Connector;
use lanes::Lanes;
use statements::{NotReady, Statements, must_read, sent_text};

/// Longer than the server's own statement timeout: beyond it the peer is dead. Shorter than a request may take,
/// so that its client is told.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The driver.
#[derive(Debug)]
pub(super) struct PostgresDatabase {
    pool: Pool,
    connector: Connector,
    known: Statements,
    lanes: Lanes,
    streams: Arc<Semaphore>,
}

impl PostgresDatabase {
    pub(super) async fn connect(url: &str, connections: usize, names: Names) -> Result<Self, SqlError> {
        let target = PostgresTarget::parse(url).map_err(SqlError::Bad)?;
        let known = Statements::new(target.transaction_pooler);
        let connector = Connector::new(target.clone(), names).map_err(SqlError::Bad)?;
        let pool = connect::pool(target, connector.clone(), connections.max(1))?;
        let streams = Arc::new(Semaphore::new((connections / 2).max(1)));
        let lanes = Lanes::new(pool.clone(), known.clone());
        let database = Self { pool, connector, known, lanes, streams };
        drop(database.pool.get().await.map_err(|error| failure::at_first_connect(&error))?);
        database.rows("SELECT 1::bigint AS one", Vec::new()).await?;
        Ok(database)
    }

    /// Runs in a task of its own: a caller that goes away must not leave a connection inside a transaction.
    pub(super) async fn commit(&self, statements: Vec<Statement>) -> Result<Committed, SqlError> {
        if let Some(kind) = self.known.insertion(&statements) {
            return self.lanes.commit(kind, statements).await;
        }
        let texts = statements.iter().map(|one| sent_text(one.sql.for_postgres(), one.guard.is_some()));
        self.known.learn(&self.pool, texts.collect()).await?;
        let client = self.client().await?;
        tokio::spawn(attempts::with_repeats(self.pool.clone(), self.known.clone(), client, statements, None))
            .await
            .unwrap_or_else(|error| Err(SqlError::Uncertain(format!("the commit was ended: {error}"))))
    }

    /// Tried twice when the connection turns out dead or a plan stale: reading can be repeated.
    pub(super) async fn rows(&self, text: &'static str, params: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        must_read(text)?;
        let first = self.rows_once(text, &params).await;
        match first {
            Err((_, true)) => self.rows_once(text, &params).await.map_err(|(error, _)| error),
            other => other.map_err(|(error, _)| error),
        }
    }

    async fn rows_once(&self, text: &'static str, params: &[Value]) -> Result<Vec<Row>, (SqlError, bool)> {
        let not_sent = |error| (error, false);
        self.known.learn(&self.pool, vec![text.into()]).await.map_err(not_sent)?;
        let client = self.client().await.map_err(not_sent)?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, query(&client, &self.known, text, params)).await;
        let in_doubt = !matches!(answer, Ok(Ok(_) | Err((_, false))));
        if in_doubt {
            // Also one that is about to close, and does not look so yet.
            discard(client);
        }
        answer.unwrap_or_else(|_| Err((SqlError::Unavailable("no answer in time".to_owned()), false)))
    }

    pub(super) fn stream(&self, text: &'static str, params: Vec<Value>, out: mpsc::Sender<Batch>) {
        let (pool, streams) = (self.pool.clone(), Arc::clone(&self.streams));
        tokio::spawn(stream::run(pool, streams, text, params, out));
    }

    pub(super) async fn prepare(&self, text: &'static str, guarded: bool) -> Result<usize, SqlError> {
        self.known.count_parameters(&self.pool, sent_text(text, guarded)).await
    }

    pub(super) async fn exclusive(&self) -> Result<PostgresExclusive, SqlError> {
        PostgresExclusive::begin(self.client().await?).await
    }

    pub(super) fn reload_authorities(&self) -> Result<(), SqlError> {
        self.connector.reload().map_err(SqlError::Bad)
    }

    pub(super) fn certificate_end(&self) -> Option<Timestamp> {
        self.connector.certificate_end()
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    async fn client(&self) -> Result<Object, SqlError> {
        self.pool.get().await.map_err(|error| failure::of_pool(&error))
    }
}

async fn query(
    client: &Object,
    known: &Statements,
    text: &'static str,
    params: &[Value],
) -> Result<Vec<Row>, (SqlError, bool)> {
    let failed = |error: tokio_postgres::Error| {
        let stale = failure::is_stale_plan(&error);
        if stale {
            known.forget(client);
        }
        (failure::not_stored(&error), stale || client.is_closed() || failure::is_farewell(&error))
    };
    let ready = known.ready(client, text, text, params).await.map_err(|reason| match reason {
        NotReady::Server(error) => failed(error),
        NotReady::Parameters(error) => (error, false),
    })?;
    ready.rows(client).await.map_err(failed)
}

/// Takes the connection out of the pool and closes it.
fn discard(client: Object) {
    drop(Object::take(client));
}
