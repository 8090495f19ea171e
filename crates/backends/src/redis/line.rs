//! [`Line`]: a connection on which requests of many callers go out together.
//!
//! * Whoever asks first begins a round; the round waits until all tasks that are ready now have run, and takes what
//!   they asked as well. One write and one read, here and at the server, then serve all of them.
//! * A round that is full goes out at once: the server works on it while the next one gathers.
//! * Nobody is waited for: alone, a request goes out as soon as the runtime has nothing else to do.
//! * A request whose caller has gone before its round goes out is not sent. A round goes on without its callers.
//! * The round keeps its callers' deadlines: one timer for all of them, and not one for each.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

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
    caller: Caller,
}

struct Caller {
    deadline: Instant,
    answer: oneshot::Sender<Result<Value, Unanswered>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// None came until the deadline.
    Late,
    /// The server refused, or the connection is lost.
    Failed(RedisError),
}

impl From<RedisError> for Unanswered {
    fn from(error: RedisError) -> Self {
        Self::Failed(error)
    }
}

impl Line {
    /// A line on this connection.
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self(Arc::new(Inner { connection, waiting: Mutex::default() }))
    }

    /// Sends a command with the next round.
    pub(super) async fn ask(&self, command: Cmd, deadline: Instant) -> Result<Value, Unanswered> {
        let (answer, heard) = oneshot::channel();
        let (count, full) = {
            let mut waiting = self.waiting();
            waiting.push(Waiting { command, caller: Caller { deadline, answer } });
            (waiting.len(), (waiting.len() == FULL).then(|| std::mem::take(&mut *waiting)))
        };
        match full {
            Some(round) => drop(tokio::spawn(self.clone().round(round))),
            None if count == 1 => drop(tokio::spawn(self.clone().next_round())),
            None => {}
        }
        heard.await.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "the round was ended")).into()))
    }

    /// Sends commands that must follow each other, apart from any round.
    pub(super) async fn ask_in_row(
        &self,
        commands: &Pipeline,
        deadline: Instant,
    ) -> Result<Value, Unanswered> {
        let mut connection = self.0.connection.clone();
        let (answer,) = timeout_at(deadline, commands.query_async(&mut connection))
            .await
            .map_err(|_| Unanswered::Late)??;
        Ok(answer)
    }

    async fn next_round(self) {
        tokio::task::yield_now().await;
        let round = std::mem::take(&mut *self.waiting());
        self.round(round).await;
    }

    async fn round(self, mut round: Vec<Waiting>) {
        round.retain(|one| !one.caller.answer.is_closed());
        let (commands, mut callers): (Vec<_>, Vec<_>) =
            round.into_iter().map(|one| (one.command, Some(one.caller))).unzip();
        let mut answers = pin!(self.answers(commands));
        while let Some(first) = callers.iter().flatten().map(|caller| caller.deadline).min() {
            match timeout_at(first, answers.as_mut()).await {
                Ok(answers) => return tell(callers, answers),
                Err(_) => turn_away(&mut callers, first),
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

fn tell(callers: Vec<Option<Caller>>, answers: RedisResult<Vec<Value>>) {
    match answers {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                let Some(caller) = caller else { continue };
                let _ = caller.answer.send(answer.extract_error().map_err(Unanswered::from));
            }
        }
        Err(error) => {
            for caller in callers.into_iter().flatten() {
                let _ = caller.answer.send(Err(error.clone().into()));
            }
        }
    }
}

/// Those whose deadline it is; the round goes on for the others.
fn turn_away(callers: &mut [Option<Caller>], deadline: Instant) {
    for place in callers {
        if let Some(caller) = place.take_if(|caller| caller.deadline <= deadline) {
            let _ = caller.answer.send(Err(Unanswered::Late));
        }
    }
}
