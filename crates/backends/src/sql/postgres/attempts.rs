//! Attempts to store something: prepared and sent within the time an answer may take, and again where that helps.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};

use super::inserts::Insertion;
use super::statements::Statements;
use super::{ANSWER_WITHIN, commit, discard, failure};
use crate::sql::error::SqlError;
use crate::sql::unit::{Committed, Statement};

/// How often a unit that met a deadlock is sent in all.
const ATTEMPTS: u32 = 5;
/// Wait before the second attempt; doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// What is stored in one go.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    /// A unit of any kind.
    Unit(&'a [Statement]),
    /// Units of one kind that only insert.
    Insertions(&'a Insertion, &'a [&'a [Statement]]),
}

/// Stores a unit, however often it has to be sent for that.
pub(super) async fn with_repeats(
    pool: Pool,
    known: Statements,
    first: Object,
    unit: Vec<Statement>,
    kind: Option<Arc<Insertion>>,
) -> Result<Committed, SqlError> {
    let alone = [&*unit];
    let work = kind.as_deref().map_or(Work::Unit(&unit), |kind| Work::Insertions(kind, &alone));
    let mut client = first;
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        match once(client, &known, work).await {
            Ok(committed) => return Ok(committed),
            Err(failed) if failed.repeat && attempt < ATTEMPTS => {
                tracing::debug!(attempt, error = %failed.error, "the unit is sent again");
            }
            Err(failed) => return Err(failed.error),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        client = pool.get().await.map_err(|error| failure::of_pool(&error))?;
    }
    Err(SqlError::Unavailable("too many attempts".to_owned()))
}

/// Sends it once. Of several units each has this outcome.
pub(super) async fn once(
    client: Object,
    known: &Statements,
    work: Work<'_>,
) -> Result<Committed, commit::Failed> {
    let preparing = async {
        match work {
            Work::Unit(statements) => commit::prepare(&client, known, statements).await,
            Work::Insertions(kind, units) => Ok(vec![known.insertions(&client, kind, units).await?]),
        }
    };
    let Ok(ready) = tokio::time::timeout(ANSWER_WITHIN, preparing).await else {
        discard(client);
        return Err(SqlError::Unavailable("no answer in time".to_owned()).into());
    };
    let ready = ready?;
    let sending = async {
        match (work, &*ready) {
            (Work::Insertions(kind, _), [ready]) => {
                commit::send_insertions(&client, ready, kind.rows()).await
            }
            (Work::Unit(statements), _) => {
                commit::send(&client, known.begin_writing(), statements, &ready).await
            }
            (Work::Insertions(..), _) => Err(SqlError::Bad("it is one statement".to_owned()).into()),
        }
    };
    let Ok(outcome) = tokio::time::timeout(ANSWER_WITHIN, sending).await else {
        discard(client);
        return Err(SqlError::Uncertain("no answer in time".to_owned()).into());
    };
    if matches!(&outcome, Err(failed) if failed.stale) {
        known.forget(&client);
    }
    outcome
}
