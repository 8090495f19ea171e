//! [`Line`]: a connection on which requests of many callers go out together.
//!
//! * Whoever asks first begins a round; the round waits until all tasks that are ready now have run, and takes what
//!   they asked as well. One write and one read, here and at the server, then serve all of them.
//! * Nobody is waited for: alone, a request goes out as soon as the runtime has nothing else to do.
//! * A request whose caller has gone before its round goes out is not sent. A round goes on without its callers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::oneshot;

/// One connection. Clones share it.
#[derive(Clone)]
pub(super) struct Line {
    connection: MultiplexedConnection,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

struct Waiting {
    command: Cmd,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Line {
    /// A line on this connection.
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self { connection, waiting: Arc::default() }
    }

    /// Sends a command with the next round.
    pub(super) async fn ask(&self, command: Cmd) -> RedisResult<Value> {
        let (answer, heard) = oneshot::channel();
        let begins = {
            let mut waiting = self.waiting();
            waiting.push(Waiting { command, answer });
            waiting.len() == 1
        };
        if begins {
            tokio::spawn(self.clone().round());
        }
        heard.await.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "the round was ended"))))
    }

    /// Sends commands that must follow each other, apart from any round.
    pub(super) async fn ask_in_row(&self, commands: &Pipeline) -> RedisResult<Value> {
        let (answer,) = commands.query_async(&mut self.connection.clone()).await?;
        Ok(answer)
    }

    async fn round(mut self) {
        tokio::task::yield_now().await;
        let mut round = std::mem::take(&mut *self.waiting());
        round.retain(|one| !one.answer.is_closed());
        let (commands, callers): (Vec<_>, Vec<_>) =
            round.into_iter().map(|one| (one.command, one.answer)).unzip();
        match self.answers(&commands).await {
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

    async fn answers(&mut self, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        match commands {
            [] => Ok(Vec::new()),
            [command] => Ok(vec![self.connection.send_packed_command(command).await?]),
            _ => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                for command in commands {
                    pipeline.add_command(command.clone());
                }
                self.connection.send_packed_commands(&pipeline, 0, commands.len()).await
            }
        }
    }

    // Nothing panics half way through a change of it.
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
