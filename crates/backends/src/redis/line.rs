//! [`Line`]: a connection on which requests of many callers go out together.
//!
//! * Whoever asks first begins a round; the round waits until all tasks that are ready now have run, and takes what
//!   they asked as well. One write and one read, here and at the server, then serve all of them.
//! * A round that is full goes out at once: the server works on it while the next one gathers.
//! * Nobody is waited for: alone, a request goes out as soon as the runtime has nothing else to do.
//! * A request whose caller has gone before its round goes out is not sent. A round goes on without its callers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::oneshot;

/// Requests in a full round. More would save little, and server and we would wait for each other in turn.
const FULL: usize = 8;

/// One connection. Clones share it.
#[derive(Clone)]
pub(super) struct Line(Arc<Inner>);

struct Inner {
    connection: MultiplexedConnection,
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    command: Cmd,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Line {
    /// A line on this connection.
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self(Arc::new(Inner { connection, waiting: Mutex::default() }))
    }

    /// Sends a command with the next round.
    pub(super) async fn ask(&self, command: Cmd) -> RedisResult<Value> {
        let (answer, heard) = oneshot::channel();
        let (count, full) = {
            let mut waiting = self.waiting();
            waiting.push(Waiting { command, answer });
            (waiting.len(), (waiting.len() == FULL).then(|| std::mem::take(&mut *waiting)))
        };
        match full {
            Some(round) => drop(tokio::spawn(self.clone().round(round))),
            None if count == 1 => drop(tokio::spawn(self.clone().next_round())),
            None => {}
        }
        heard.await.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "the round was ended"))))
    }

    /// Sends commands that must follow each other, apart from any round.
    pub(super) async fn ask_in_row(&self, commands: &Pipeline) -> RedisResult<Value> {
        let (answer,) = commands.query_async(&mut self.0.connection.clone()).await?;
        Ok(answer)
    }

    async fn next_round(self) {
        tokio::task::yield_now().await;
        let round = std::mem::take(&mut *self.waiting());
        self.round(round).await;
    }

    async fn round(self, mut round: Vec<Waiting>) {
        round.retain(|one| !one.answer.is_closed());
        let (commands, callers): (Vec<_>, Vec<_>) =
            round.into_iter().map(|one| (one.command, one.answer)).unzip();
        match self.answers(commands).await {
            Ok(answers) => {
                for (caller, answer) in callers.into_iter().zip(answers) {
                    let _ = caller.send(answer.extract_error());
                }
            }
            Err(error) => {
                for caller in callers {
                    let _ = caller.send(Err(error.clone()));
                }
            }
        }
    }

    async fn answers(&self, mut commands: Vec<Cmd>) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        let mut connection = self.0.connection.clone();
        match count {
            0 => Ok(Vec::new()),
            1 => Ok(vec![connection.send_packed_command(&commands.remove(0)).await?]),
            _ => {
                let mut pipeline = Pipeline::with_capacity(count);
                for command in commands {
                    pipeline.add_command(command);
                }
                connection.send_packed_commands(&pipeline, 0, count).await
            }
        }
    }

    // Nothing panics half way through a change of it.
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
