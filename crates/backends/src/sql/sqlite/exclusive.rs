//! A transaction that keeps every other writer out: what a migration runs in.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::open_writer;
use super::failure::Failure;
use super::statements;
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::unit::Statement;
use crate::sql::value::Value;

/// How long a process waits for another one's migration.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// Dropped without [`SqliteExclusive::commit`], it undoes everything: closing a connection rolls back.
#[derive(Debug)]
pub(in crate::sql) struct SqliteExclusive(Option<Connection>);

impl SqliteExclusive {
    pub(super) async fn begin(path: PathBuf) -> Result<Self, SqlError> {
        let begun = tokio::task::spawn_blocking(move || {
            let connection = open_writer(&path)?;
            let begin = || {
                connection.busy_timeout(LOCK_WAIT)?;
                connection.execute_batch("BEGIN IMMEDIATE")
            };
            begin().map_err(|error| Failure::of(&error).error)?;
            Ok(connection)
        });
        let connection = begun.await.map_err(|error| SqlError::Unavailable(error.to_string()))??;
        Ok(Self(Some(connection)))
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let connection =
            self.0.take().ok_or_else(|| SqlError::Unavailable("the transaction is over".to_owned()))?;
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&connection);
            (connection, outcome)
        });
        let (connection, outcome) = task.await.map_err(|error| SqlError::Unavailable(error.to_string()))?;
        self.0 = Some(connection);
        outcome
    }

    pub(in crate::sql) async fn script(&mut self, text: Cow<'static, str>) -> Result<(), SqlError> {
        self.with(move |connection| {
            connection.execute_batch(&text).map_err(|error| Failure::of(&error).error)
        })
        .await
    }

    pub(in crate::sql) async fn rows(
        &mut self,
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

    pub(in crate::sql) async fn run(&mut self, statement: Statement) -> Result<u64, SqlError> {
        self.with(move |connection| statements::run(connection, &statement).map_err(|failure| failure.error))
            .await
    }

    pub(in crate::sql) async fn commit(mut self) -> Result<(), SqlError> {
        self.script("COMMIT".into()).await
    }
}
