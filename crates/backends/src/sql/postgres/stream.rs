//! A long answer through a portal, a batch at a time: the server keeps the rest until it is asked for.

use std::sync::Arc;

use deadpool_postgres::Pool;
use tokio::sync::{Semaphore, mpsc};

use super::{encode, failure};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::stream::{BATCH_ROWS, Batch};
use crate::sql::value::Value;

/// Sorting a million rows takes longer than an ordinary statement may, and a slow reader pauses between
/// batches.
const LIMITS: &str =
    "SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '10min'";

/// Sends batches until the rows or the receiver are gone.
pub(super) async fn run(
    pool: Pool,
    streams: Arc<Semaphore>,
    text: &'static str,
    params: Vec<Value>,
    out: mpsc::Sender<Batch>,
) {
    let Ok(_permit) = streams.acquire().await else { return };
    if let Err(error) = read(&pool, text, &params, &out).await {
        let _ = out.send(Err(error)).await;
    }
}

async fn read(
    pool: &Pool,
    text: &'static str,
    params: &[Value],
    out: &mpsc::Sender<Batch>,
) -> Result<(), SqlError> {
    let failed = |error: tokio_postgres::Error| failure::not_stored(&error);
    let mut client = pool.get().await.map_err(|error| failure::of_pool(&error))?;
    // Dropping the transaction sends ROLLBACK, before anything the next borrower may send.
    let transaction = client.build_transaction().read_only(true).start().await.map_err(failed)?;
    transaction.batch_execute(LIMITS).await.map_err(failed)?;
    let prepared = transaction.prepare(text).await.map_err(failed)?;
    let params = encode::encode(prepared.params(), text, params)?;
    let portal = transaction.bind_raw(&prepared, &params).await.map_err(failed)?;
    let batch_rows = i32::try_from(BATCH_ROWS).unwrap_or(i32::MAX);
    loop {
        let rows = transaction.query_portal(&portal, batch_rows).await.map_err(failed)?;
        let count = rows.len();
        let batch = rows.into_iter().map(Row::from_postgres).collect();
        if (count > 0 && out.send(Ok(batch)).await.is_err()) || count < BATCH_ROWS {
            return Ok(());
        }
    }
}
