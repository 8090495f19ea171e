//! A transaction under the product's advisory lock: what a migration runs in.

use deadpool_postgres::Object;
use futures_util::TryStreamExt as _;

use super::{encode, failure};
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::unit::Statement;
use crate::sql::value::Value;

/// A migration may take its time; waiting for another process's migration has an end.
const BEGIN: &str = "BEGIN READ WRITE; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; \
     SET LOCAL idle_in_transaction_session_timeout = 0; \
     SELECT pg_advisory_xact_lock(8317980613422772596)";

/// Dropped without [`PostgresExclusive::commit`], it undoes everything: the connection is closed.
#[derive(Debug)]
pub(in crate::sql) struct PostgresExclusive(Option<Object>);

impl PostgresExclusive {
    pub(super) async fn begin(client: Object) -> Result<Self, SqlError> {
        let transaction = Self(Some(client));
        transaction.client()?.batch_execute(BEGIN).await.map_err(|error| failure::not_stored(&error))?;
        Ok(transaction)
    }

    fn client(&self) -> Result<&Object, SqlError> {
        self.0.as_ref().ok_or_else(|| SqlError::Unavailable("the transaction is over".to_owned()))
    }

    pub(in crate::sql) async fn script(&mut self, text: &str) -> Result<(), SqlError> {
        self.client()?.batch_execute(text).await.map_err(|error| failure::not_stored(&error))
    }

    pub(in crate::sql) async fn rows(
        &mut self,
        text: &'static str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, SqlError> {
        let failed = |error: tokio_postgres::Error| failure::not_stored(&error);
        let client = self.client()?;
        let prepared = client.prepare(text).await.map_err(failed)?;
        let params = encode::encode(prepared.params(), text, &params)?;
        let rows = client.query_raw(&prepared, &params).await.map_err(failed)?;
        rows.map_ok(Row::from_postgres).try_collect().await.map_err(failed)
    }

    pub(in crate::sql) async fn run(&mut self, statement: Statement) -> Result<u64, SqlError> {
        let failed = |error: tokio_postgres::Error| failure::not_stored(&error);
        let (client, text) = (self.client()?, statement.sql.for_postgres());
        // Prepared for this transaction only: a pooler may give the connection to somebody else afterwards.
        let prepared = client.prepare(text).await.map_err(failed)?;
        let params = encode::encode(prepared.params(), text, &statement.params)?;
        client.execute_raw(&prepared, &params).await.map_err(failed)
    }

    pub(in crate::sql) async fn commit(mut self) -> Result<(), SqlError> {
        self.client()?.batch_execute("COMMIT").await.map_err(|error| failure::at_commit(&error))?;
        // Back into the pool.
        drop(self.0.take());
        Ok(())
    }
}

impl Drop for PostgresExclusive {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            super::discard(client);
        }
    }
}
