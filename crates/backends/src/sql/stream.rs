//! [`RowStream`]: rows one after the other in constant memory, however many there are.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::mpsc;

use super::error::SqlError;
use super::row::Row;

/// Rows handed over at once.
pub(super) const BATCH_ROWS: usize = 1_000;
/// Batches that may wait: one is being consumed while the next is read.
const WAITING_BATCHES: usize = 1;

pub(super) type Batch = Result<Vec<Row>, SqlError>;

/// The rows of a long answer, of one consistent state of the database. Dropping it ends the query. The first
/// error is the last item.
#[derive(Debug)]
pub struct RowStream {
    batches: mpsc::Receiver<Batch>,
    current: std::vec::IntoIter<Row>,
}

impl RowStream {
    pub(super) fn channel() -> (mpsc::Sender<Batch>, Self) {
        let (sender, batches) = mpsc::channel(WAITING_BATCHES);
        (sender, Self { batches, current: Vec::new().into_iter() })
    }
}

impl Stream for RowStream {
    type Item = Result<Row, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(row) = self.current.next() {
                return Poll::Ready(Some(Ok(row)));
            }
            match ready!(self.batches.poll_recv(context)) {
                Some(Ok(rows)) => self.current = rows.into_iter(),
                Some(Err(error)) => {
                    self.batches.close();
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}
