//! A unit in one round trip: `BEGIN`, the statements and `COMMIT` are sent without waiting for answers.
//!
//! * Everything is prepared and encoded before anything is sent.
//! * A guard is part of its statement: a miss makes the server raise an error, which fails the rest of the
//!   pipeline and turns `COMMIT` into a rollback.
//! * What the server did not answer after `COMMIT` was handed to the connection is *uncertain*: the whole
//!   pipeline may have arrived. An error that the server itself reports before `COMMIT` is proof that
//!   nothing was stored.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::failure;
use super::statements::{NotReady, Ready, Statements, sent_text};
use crate::sql::error::SqlError;
use crate::sql::unit::{Committed, Statement};

/// Begins every message of a missed guard; the server quotes it in its error.
const GUARD: &str = "guard:";

/// An attempt that failed, and whether the same unit may be sent again.
pub(super) struct Failed {
    pub(super) error: SqlError,
    pub(super) repeat: bool,
    /// A prepared statement no longer fits the schema.
    pub(super) stale: bool,
}

impl From<NotReady> for Failed {
    fn from(reason: NotReady) -> Self {
        match reason {
            NotReady::Parameters(error) => error.into(),
            NotReady::Server(error) => Self {
                repeat: failure::worth_repeating(&error),
                stale: failure::is_stale_plan(&error),
                error: failure::not_stored(&error),
            },
        }
    }
}

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self { error, repeat: false, stale: false }
    }
}

/// Prepares and encodes a whole unit; changes nothing.
pub(super) async fn prepare(
    client: &Object,
    known: &Statements,
    statements: &[Statement],
) -> Result<Vec<Ready>, Failed> {
    let mut ready = Vec::with_capacity(statements.len());
    for statement in statements {
        let text = statement.sql.for_postgres();
        let sent = sent_text(text, statement.guard.is_some());
        ready.push(known.ready(client, &sent, text, &statement.params).await?);
    }
    Ok(ready)
}

/// Stores units that are one statement ([`super::inserts`]), a transaction by itself; each inserts so many rows.
pub(super) async fn send_insertions(
    client: &Object,
    ready: &Ready,
    rows: usize,
) -> Result<Committed, Failed> {
    let was_sent = !client.is_closed();
    match ready.count(client).await {
        Ok(_) => Ok(Committed { rows: vec![1; rows] }),
        Err(error) => Err(Failed {
            repeat: failure::worth_repeating(&error),
            stale: failure::is_stale_plan(&error),
            error: if was_sent { failure::at_commit(&error) } else { failure::not_stored(&error) },
        }),
    }
}

/// Stores a prepared unit. The caller must run it to its end, or throw the connection away: dropped in the
/// middle, it would leave the connection inside a transaction.
pub(super) async fn send(
    client: &Object,
    begin: &'static str,
    statements: &[Statement],
    ready: &[Ready],
) -> Result<Committed, Failed> {
    let mut pipeline = Pipeline::default();
    let plain = |text: &'static str| async move { client.batch_execute(text).await.map(|()| 0) };
    pipeline.push(plain(begin));
    let first = pipeline.len();
    for statement in ready {
        pipeline.push(statement.count(client));
    }
    let last = pipeline.len();
    pipeline.push(plain("COMMIT"));
    let (answers, commit_was_sent) = pipeline.run(last, || client.is_closed()).await;
    let mut rows = Vec::with_capacity(statements.len());
    for (position, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(hit) if (first..last).contains(&position) => rows.push(hit),
            Ok(_) => {}
            Err(error) => {
                let guard = position.checked_sub(first).and_then(|at| statements.get(at)?.guard);
                let answered = error.as_db_error().is_some();
                return Err(Failed {
                    repeat: failure::worth_repeating(&error),
                    stale: failure::is_stale_plan(&error),
                    error: match guard {
                        Some(tag) if is_miss(&error) => SqlError::Conflict(tag),
                        _ if !commit_was_sent || (answered && position < last) => failure::not_stored(&error),
                        _ => failure::at_commit(&error),
                    },
                });
            }
        }
    }
    // The guarded text counts inside the server and answers with no row when it hit exactly one.
    for (hit, statement) in rows.iter_mut().zip(statements) {
        *hit = if statement.guard.is_some() { 1 } else { *hit };
    }
    Ok(Committed { rows })
}

/// Wraps a data-modifying text so that any count but one is an error (22P02) inside the server.
pub(super) fn guarded(text: &str) -> String {
    format!(
        "WITH hit AS ({text} RETURNING 1) \
         SELECT ('{GUARD}' || count(*))::int FROM hit HAVING count(*) <> 1"
    )
}

fn is_miss(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::INVALID_TEXT_REPRESENTATION && refusal.message().contains(GUARD)
    })
}

type Answer = Result<u64, Error>;

/// Requests that are handed to the connection in order before the first answer is awaited.
#[derive(Default)]
struct Pipeline<'a>(Vec<Pin<Box<dyn Future<Output = Answer> + Send + 'a>>>);

impl<'a> Pipeline<'a> {
    fn push(&mut self, request: impl Future<Output = Answer> + Send + 'a) {
        self.0.push(Box::pin(request));
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// The answers in order, and whether the request at `decisive` could be handed over at all.
    async fn run(self, decisive: usize, is_closed: impl Fn() -> bool) -> (Vec<Answer>, bool) {
        let mut requests = Vec::with_capacity(self.0.len());
        let mut was_sent = true;
        for (position, mut request) in self.0.into_iter().enumerate() {
            if position == decisive {
                was_sent = !is_closed();
            }
            // The first poll hands the request over; only a connection already gone answers at once.
            let early = std::future::poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
            requests.push((request, early));
        }
        let mut answers = Vec::with_capacity(requests.len());
        for (request, early) in requests {
            answers.push(match early {
                Poll::Ready(answer) => answer,
                Poll::Pending => request.await,
            });
        }
        (answers, was_sent)
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_guarded_text_keeps_the_original_inside() {
        let text = guarded("UPDATE t SET a = $1 WHERE id = $2");
        assert!(text.starts_with("WITH hit AS (UPDATE t SET a = $1 WHERE id = $2 RETURNING 1)"));
    }
}
