//! How a statement reaches the server: prepared once on each connection, or, behind a transaction pooler, sent
//! with the types of its parameters each time.
//!
//! A transaction pooler gives a server connection to another client after each transaction: what was prepared
//! or set on it is gone, or meets somebody else. So there nothing outlives a transaction: types are learned once
//! a statement in a transaction of their own, and limits are set in each transaction.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool_postgres::{Object, Pool};
use futures_util::TryStreamExt as _;
use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};

use super::commit::guarded;
use super::encode::{Encoded, encode, encode_columns};
use super::failure;
use super::inserts::{Insertion, Inserts};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::unit::Statement;
use crate::sql::value::Value;

/// Begins a transaction that writes, where the connection's session is ours and has its limits.
const BEGIN: &str = "BEGIN";
/// The same where the session is not ours: with the limits that sessions have elsewhere.
const BEGIN_POOLED: &str = "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '3s'; \
     SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL TIME ZONE 'UTC'";
/// Begins a reading transaction behind a pooler.
const BEGIN_READING: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL TIME ZONE 'UTC'";

/// What is known of the statements.
#[derive(Clone, Debug)]
pub(super) enum Statements {
    /// The connection keeps what was prepared.
    Prepared(Arc<Inserts>),
    /// Parameter types by text.
    Typed(Arc<Mutex<HashMap<String, Arc<[Type]>>>>),
}

/// A statement that lacks nothing but sending.
pub(super) enum Ready {
    Prepared(tokio_postgres::Statement, Vec<Encoded>),
    Typed(String, Vec<(Encoded, Type)>),
}

impl Statements {
    pub(super) fn new(transaction_pooler: bool) -> Self {
        if transaction_pooler { Self::Typed(Arc::default()) } else { Self::Prepared(Arc::default()) }
    }

    /// The kind of a unit that only inserts; none where limits have to be set in its transaction.
    pub(super) fn insertion(&self, statements: &[Statement]) -> Option<Arc<Insertion>> {
        match self {
            Self::Prepared(inserts) => inserts.kind(statements),
            Self::Typed(_) => None,
        }
    }

    /// Prepares and encodes units of one kind as one statement; changes nothing.
    pub(super) async fn insertions(
        &self,
        client: &Object,
        kind: &Insertion,
        units: &[&[Statement]],
    ) -> Result<Ready, NotReady> {
        fn values<'a>(unit: &&'a [Statement]) -> Vec<&'a Value> {
            unit.iter().flat_map(|one| &one.params).collect()
        }
        let one = client.prepare_cached(kind.one()).await.map_err(NotReady::Server)?;
        if let [unit] = units {
            let params = encode(one.params(), kind.one(), &values(unit)).map_err(NotReady::Parameters)?;
            return Ok(Ready::Prepared(one, params));
        }
        let many = client.prepare_cached(kind.many(one.params())).await.map_err(NotReady::Server)?;
        let columns = encode_columns(one.params(), kind.one(), units.iter().map(values));
        Ok(Ready::Prepared(many, columns.map_err(NotReady::Parameters)?))
    }

    /// What begins a transaction that writes.
    pub(super) fn begin_writing(&self) -> &'static str {
        match self {
            Self::Prepared(_) => BEGIN,
            Self::Typed(_) => BEGIN_POOLED,
        }
    }

    /// Learns the types of texts not seen before; must come before a connection is taken for them. Runs in a
    /// task of its own: a caller that goes away must not leave a connection inside a transaction.
    pub(super) async fn learn(&self, pool: &Pool, texts: Vec<Cow<'static, str>>) -> Result<(), SqlError> {
        let Self::Typed(types) = self else { return Ok(()) };
        let unknown: Vec<_> = {
            let known = lock(types);
            texts.into_iter().filter(|text| !known.contains_key(&**text)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let (pool, types) = (pool.clone(), Arc::clone(types));
        let learning = tokio::spawn(async move { learn_all(&pool, unknown, &types).await });
        learning.await.unwrap_or_else(|error| Err(SqlError::Unavailable(format!("preparing: {error}"))))
    }

    /// Prepares and encodes one statement; changes nothing. `sent` is the text that goes to the server, `text`
    /// the one to quote.
    pub(super) async fn ready(
        &self,
        client: &Object,
        sent: &str,
        text: &str,
        params: &[Value],
    ) -> Result<Ready, NotReady> {
        match self {
            Self::Prepared(_) => {
                let prepared = client.prepare_cached(sent).await.map_err(NotReady::Server)?;
                let params = encode(prepared.params(), text, params).map_err(NotReady::Parameters)?;
                Ok(Ready::Prepared(prepared, params))
            }
            Self::Typed(known) => {
                let types = lock(known).get(sent).cloned().ok_or_else(|| {
                    NotReady::Parameters(SqlError::Bad(format!("its types were not learned: {text}")))
                })?;
                let params = encode(&types, text, params).map_err(NotReady::Parameters)?;
                Ok(Ready::Typed(sent.to_owned(), params.into_iter().zip(types.iter().cloned()).collect()))
            }
        }
    }

    /// Forgets what a migration has made stale.
    pub(super) fn forget(&self, client: &Object) {
        // Behind a pooler no plan outlives its transaction.
        if matches!(self, Self::Prepared(_)) {
            client.statement_cache.clear();
        }
    }

    /// How many parameters a text has.
    pub(super) async fn count_parameters(
        &self,
        pool: &Pool,
        text: Cow<'static, str>,
    ) -> Result<usize, SqlError> {
        let Self::Typed(types) = self else {
            let client = pool.get().await.map_err(|error| failure::of_pool(&error))?;
            let prepared = client.prepare(&text).await.map_err(|error| failure::not_stored(&error))?;
            return Ok(prepared.params().len());
        };
        self.learn(pool, vec![text.clone()]).await?;
        Ok(lock(types).get(&*text).map_or(0, |types| types.len()))
    }
}

/// Why a statement cannot be sent.
pub(super) enum NotReady {
    /// The server refused to prepare it, or is away.
    Server(Error),
    /// The parameters do not fit.
    Parameters(SqlError),
}

/// Refuses a query that could change something: only a unit, which brings its audit trail, may. PostgreSQL lets what
/// begins with `WITH` write as well.
pub(super) fn must_read(text: &str) -> Result<(), SqlError> {
    if text.trim_start().starts_with("SELECT ") {
        return Ok(());
    }
    Err(SqlError::Bad(format!("a query must not change anything: {text}")))
}

/// The text that goes to the server.
pub(super) fn sent_text(text: &'static str, is_guarded: bool) -> Cow<'static, str> {
    if is_guarded { guarded(text).into() } else { Cow::Borrowed(text) }
}

impl Ready {
    /// Runs it and counts the rows it hit. The first poll hands it to the connection.
    pub(super) async fn count(&self, client: &Object) -> Result<u64, Error> {
        match self {
            Self::Prepared(statement, params) => client.execute_raw(statement, params).await,
            Self::Typed(text, params) => {
                let params: Vec<_> =
                    params.iter().map(|(value, ty)| (value as &(dyn ToSql + Sync), ty.clone())).collect();
                client.execute_typed(text, &params).await
            }
        }
    }

    /// Runs it and reads its rows, in a transaction of its own where the session is not ours. All of that is
    /// handed to the connection before the first answer, so that a caller that goes away leaves nothing open.
    pub(super) async fn rows(&self, client: &Object) -> Result<Vec<Row>, Error> {
        match self {
            Self::Prepared(statement, params) => {
                client.query_raw(statement, params).await?.map_ok(Row::from_postgres).try_collect().await
            }
            Self::Typed(text, params) => {
                let params = params.iter().map(|(value, ty)| (value, ty.clone()));
                let typed = async {
                    let rows = client.query_typed_raw(text, params).await?;
                    // Read at once: the answer to COMMIT comes after them.
                    rows.map_ok(Row::from_postgres).try_collect().await
                };
                let (start, end) = (client.batch_execute(BEGIN_READING), client.batch_execute("COMMIT"));
                let (begun, rows, ended) = tokio::join!(biased; start, typed, end);
                let rows: Vec<Row> = begun.and(rows)?;
                ended.map(|()| rows)
            }
        }
    }
}

async fn learn_all(
    pool: &Pool,
    texts: Vec<Cow<'static, str>>,
    types: &Mutex<HashMap<String, Arc<[Type]>>>,
) -> Result<(), SqlError> {
    let failed = |error: Error| failure::not_stored(&error);
    let mut client = pool.get().await.map_err(|error| failure::of_pool(&error))?;
    // Dropping the transaction rolls it back, after every statement in it was closed.
    let transaction = client.build_transaction().read_only(true).start().await.map_err(failed)?;
    for text in texts {
        let prepared = transaction.prepare(&text).await.map_err(failed)?;
        lock(types).insert(text.into_owned(), prepared.params().into());
    }
    transaction.rollback().await.map_err(failed)
}

// Nothing panics half way through a change of it.
fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
