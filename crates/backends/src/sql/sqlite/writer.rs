//! The one thread that writes. It takes all waiting units and commits them together, so that one `fsync`
//! pays for all of them.
//!
//! * A unit that fails is undone alone, its neighbours are stored. Failing is rare and a savepoint for each unit costs
//!   a third of the work, so the batch is first run without: when a unit fails, all is undone and run again with them.
//! * A unit whose caller went away before it was taken never starts; once taken it runs to its end.
//! * When the whole batch fails for one unit's sake (a constraint checked at COMMIT, a full disk), it is
//!   undone and run again one unit at a time. After an error of the device nothing is repeated.
//! * Between batches the write-ahead log is kept small: [`super::wal`].

use std::path::PathBuf;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::open_writer;
use super::failure::{Failure, Kind};
use super::statements;
use super::wal::WalKeeper;
use crate::sql::error::SqlError;
use crate::sql::unit::{Committed, Statement};

/// Units in one transaction at most; bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    Commit(Job),
    /// Finish what is queued, accept nothing more, empty the write-ahead log.
    Close(oneshot::Sender<()>),
}

/// A unit that waits for the writer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) statements: Vec<Statement>,
    pub(super) reply: oneshot::Sender<Outcome>,
}

type Outcome = Result<Committed, SqlError>;

pub(super) struct Writer {
    path: PathBuf,
    /// `None` after an error that left the connection in doubt: opened anew for the next batch.
    connection: Option<Connection>,
    wal: WalKeeper,
}

impl Writer {
    pub(super) fn new(path: PathBuf, connection: Connection) -> Self {
        let wal = WalKeeper::new(&path);
        Self { path, connection: Some(connection), wal }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut closers = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            // Whoever is about to ask for something does so first where threads share a core; else this is nothing.
            std::thread::yield_now();
            let mut jobs = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Commit(job) => jobs.push(job),
                    Message::Close(done) => {
                        queue.close();
                        closers.push(done);
                    }
                }
                next = if jobs.len() < MAX_BATCH { queue.try_recv().ok() } else { None };
            }
            jobs.retain(|job| !job.reply.is_closed());
            if !jobs.is_empty() {
                self.commit(jobs);
            }
            if let Some(connection) = &self.connection {
                self.wal.keep_small(connection);
            }
        }
        if let Some(connection) = self.connection.take()
            // Passive: another process (a command beside the server) must not be made to wait for it.
            && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start will do it");
        }
        for done in closers {
            let _ = done.send(());
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        match self.together(&jobs) {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    let _ = job.reply.send(outcome);
                }
            }
            Err(failure) if jobs.len() > 1 && failure.kind != Kind::Device => {
                for job in jobs {
                    let alone = std::slice::from_ref(&job);
                    let outcome = match self.together(alone) {
                        Ok(mut outcomes) => outcomes.pop().unwrap_or_else(|| Err(failure.error.clone())),
                        Err(own) => Err(own.error),
                    };
                    let _ = job.reply.send(outcome);
                }
            }
            Err(failure) => {
                for job in jobs {
                    let _ = job.reply.send(Err(failure.error.clone()));
                }
            }
        }
    }

    /// One transaction for all. `Err` means that nothing of any of them is stored (or, for
    /// [`SqlError::Uncertain`], that nobody knows).
    fn together(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open_writer(&self.path).map_err(|error| Failure { error, kind: Kind::Device })?,
        };
        let outcome = match transaction(&connection, jobs) {
            Err(Undone::UnitFailed) => with_savepoints(&connection, jobs),
            Err(Undone::For(failure)) => Err(failure),
            Ok(outcomes) => Ok(outcomes),
        };
        let clean = outcome.is_ok() || connection.is_autocommit() || control(&connection, "ROLLBACK").is_ok();
        let device_failed = matches!(&outcome, Err(Failure { error: SqlError::Uncertain(_), .. }));
        if clean && !device_failed {
            self.connection = Some(connection);
        }
        outcome
    }
}

/// Why nothing of a batch is stored.
enum Undone {
    /// One of several units failed; which of its neighbours' work it must take with it is yet to be told.
    UnitFailed,
    /// All of them failed.
    For(Failure),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

/// All units one after the other, without a way back for one of them.
fn transaction(connection: &Connection, jobs: &[Job]) -> Result<Vec<Outcome>, Undone> {
    control(connection, "BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        match unit(connection, &job.statements) {
            Ok(committed) => outcomes.push(Ok(committed)),
            // SQLite has undone the whole transaction by itself.
            Err(failure) if connection.is_autocommit() => return Err(failure.into()),
            Err(failure) => {
                control(connection, "ROLLBACK")?;
                if jobs.len() > 1 && failure.kind == Kind::Unit {
                    return Err(Undone::UnitFailed);
                }
                return Err(failure.into());
            }
        }
    }
    commit(connection)?;
    Ok(outcomes)
}

/// The same with a savepoint before each unit.
fn with_savepoints(connection: &Connection, jobs: &[Job]) -> Result<Vec<Outcome>, Failure> {
    control(connection, "BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        control(connection, "SAVEPOINT unit")?;
        match unit(connection, &job.statements) {
            Ok(committed) => {
                control(connection, "RELEASE unit")?;
                outcomes.push(Ok(committed));
            }
            // SQLite has undone the whole transaction, the neighbours included.
            Err(failure) if connection.is_autocommit() => return Err(failure),
            Err(failure) => {
                control(connection, "ROLLBACK TO unit")?;
                control(connection, "RELEASE unit")?;
                outcomes.push(Err(failure.error));
            }
        }
    }
    commit(connection)?;
    Ok(outcomes)
}

fn commit(connection: &Connection) -> Result<(), Failure> {
    control(connection, "COMMIT").map_err(at_commit)
}

fn unit(connection: &Connection, statements: &[Statement]) -> Result<Committed, Failure> {
    let rows = statements
        .iter()
        .map(|statement| statements::run(connection, statement))
        .collect::<Result<_, _>>()?;
    Ok(Committed { rows })
}

/// A device that fails while committing may have written the commit all the same.
fn at_commit(failure: Failure) -> Failure {
    match failure {
        Failure { error: SqlError::Unavailable(text), kind: Kind::Device } => {
            Failure { error: SqlError::Uncertain(text), kind: Kind::Device }
        }
        other => other,
    }
}

fn control(connection: &Connection, text: &str) -> Result<(), Failure> {
    let run = || connection.prepare_cached(text)?.raw_execute();
    run().map(|_| ()).map_err(|error: rusqlite::Error| Failure::of(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::statement::Sql;
    use crate::sql::value::Value;

    struct Bench {
        _folder: tempfile::TempDir,
        writer: Writer,
    }

    impl Bench {
        fn with(schema: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("data");
            let connection = open_writer(&path).expect("opens");
            connection.execute_batch(schema).expect("valid");
            Self { _folder: folder, writer: Writer::new(path, connection) }
        }

        fn commit(&mut self, units: Vec<Vec<Statement>>) -> Vec<Outcome> {
            let mut replies = Vec::new();
            let mut jobs = Vec::new();
            for statements in units {
                let (reply, outcome) = oneshot::channel();
                jobs.push(Job { statements, reply });
                replies.push(outcome);
            }
            self.writer.commit(jobs);
            replies.into_iter().map(|mut reply| reply.try_recv().expect("every unit is answered")).collect()
        }

        fn ids(&self) -> Vec<String> {
            let connection = self.writer.connection.as_ref().expect("kept");
            let mut statement = connection.prepare("SELECT id FROM t ORDER BY id").expect("valid");
            let ids = statement.query_map([], |row| row.get(0)).expect("readable");
            ids.collect::<Result<_, _>>().expect("readable")
        }
    }

    fn insert(id: &str, other: impl Into<Value>) -> Vec<Statement> {
        let sql = Sql::same("INSERT INTO t (id, other) VALUES ($1, $2)");
        vec![Statement { sql, params: vec![id.into(), other.into()], guard: None }]
    }

    #[test]
    fn a_full_disk_refuses_the_large_unit_and_spares_its_neighbours() {
        let mut bench =
            Bench::with("CREATE TABLE t (id TEXT PRIMARY KEY, other BLOB); PRAGMA max_page_count = 20");
        let outcomes = bench.commit(vec![
            insert("a", Value::Null),
            insert("big", vec![0; 1_000_000]),
            insert("c", Value::Null),
        ]);
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
        assert!(matches!(outcomes[1], Err(SqlError::Unavailable(_))), "{outcomes:?}");
        assert_eq!(bench.ids(), ["a", "c"]);
        let connection = bench.writer.connection.as_ref().expect("kept");
        connection.execute_batch("PRAGMA max_page_count = 10000").expect("space again");
        assert!(bench.commit(vec![insert("big", vec![0; 1_000_000])])[0].is_ok());
    }

    /// Undo notes of several megabytes: see `.cargo/config.toml`.
    #[test]
    fn a_unit_that_changes_much_is_stored() {
        let mut bench = Bench::with(
            "CREATE TABLE t (id TEXT PRIMARY KEY, other BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
             FROM n WHERE i < 4000) INSERT INTO t SELECT 'row' || i, zeroblob(3000) FROM n",
        );
        let sql = Sql::same("UPDATE t SET other = $1 WHERE id LIKE 'row%'");
        let all = vec![Statement { sql, params: vec![vec![7; 3_000].into()], guard: None }];
        let outcomes = bench.commit(vec![insert("a", Value::Null), all, insert("b", Value::Null)]);
        assert_eq!(outcomes[1], Ok(Committed { rows: vec![4_000] }));
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    }

    #[test]
    fn a_constraint_checked_at_commit_fails_only_its_own_unit() {
        let mut bench = Bench::with(
            "CREATE TABLE t (id TEXT PRIMARY KEY, other TEXT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)",
        );
        let outcomes =
            bench.commit(vec![insert("a", Value::Null), insert("b", "absent"), insert("c", Value::Null)]);
        assert_eq!(outcomes[1], Err(SqlError::ForeignKey));
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
        assert_eq!(bench.ids(), ["a", "c"]);
    }

    #[test]
    fn a_trigger_that_rolls_everything_back_fails_only_its_own_unit() {
        let mut bench = Bench::with(
            "CREATE TABLE t (id TEXT PRIMARY KEY, other TEXT); CREATE TRIGGER no BEFORE INSERT ON t \
             WHEN NEW.id = 'b' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        );
        let outcomes =
            bench.commit(vec![insert("a", Value::Null), insert("b", Value::Null), insert("c", Value::Null)]);
        assert_eq!(outcomes[1], Err(SqlError::Bad("no".to_owned())));
        assert_eq!(bench.ids(), ["a", "c"]);
    }

    #[test]
    fn a_failing_device_while_committing_is_uncertain() {
        let lost = Failure { error: SqlError::Unavailable("I/O".to_owned()), kind: Kind::Device };
        assert_eq!(at_commit(lost).error, SqlError::Uncertain("I/O".to_owned()));
        let full = Failure { error: SqlError::Unavailable("full".to_owned()), kind: Kind::Full };
        assert_eq!(at_commit(full).error, SqlError::Unavailable("full".to_owned()));
    }
}
