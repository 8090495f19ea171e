//! Finds the server to talk to: always the same address, or the master that the sentinels name.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{Cmd, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use tokio::time::timeout;

use super::server::{open, probe};
use super::target::{address, without_delay};
use super::{ConnectError, LinkOptions};

/// Where a server is to be looked for.
#[derive(Clone)]
pub(super) enum Finder {
    /// At this address.
    Fixed(Box<ConnectionInfo>),
    /// Where the sentinels say.
    Sentinels { sentinels: Vec<ConnectionInfo>, master: String, settings: RedisConnectionInfo, tls: bool },
}

/// What a new connection gets: its number, and who hears of its end.
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) pushes: Box<dyn AsyncPushSender>,
}

type Found = Result<(u64, MultiplexedConnection), ConnectError>;

impl Finder {
    /// A connection to a master that answers within the call budget, and its number.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn connect(&self, options: &LinkOptions, ticket: impl Fn() -> Ticket) -> Found {
        let (sentinels, master, settings, tls) = match self {
            Self::Fixed(info) => return connect_to(info, options, ticket()).await,
            Self::Sentinels { sentinels, master, settings, tls } => (sentinels, master, settings, *tls),
        };
        let mut answers: FuturesUnordered<_> =
            sentinels.iter().map(|sentinel| master_told_by(sentinel, master, options)).collect();
        let mut tried = HashSet::new();
        let mut errors = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Err(error) => errors.push(error),
                // One cut off from the others may name the old master: only what a master says counts.
                Ok((host, port)) if tried.insert((host.clone(), port)) => {
                    let info = address(host, port, tls)
                        .into_connection_info()
                        .map_err(|error| ConnectError::Away(error.to_string()))?;
                    let info = without_delay(info.set_redis_settings(settings.clone()));
                    match connect_to(&info, options, ticket()).await {
                        Ok(found) => return Ok(found),
                        Err(error) => errors.push(error),
                    }
                }
                Ok(_) => {}
            }
        }
        Err(ConnectError::of_all(errors))
    }
}

async fn master_told_by(
    sentinel: &ConnectionInfo,
    master: &str,
    options: &LinkOptions,
) -> Result<(String, u16), ConnectError> {
    let name = format!("sentinel {}", sentinel.addr());
    let mut connection = open(sentinel, options, None).await?;
    let mut command = Cmd::new();
    command.arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let told = timeout(options.connect_budget, command.query_async::<Option<(String, u16)>>(&mut connection));
    let told = told.await.map_err(|_| ConnectError::Away(format!("{name}: no answer")))?;
    let told = told.map_err(|error| ConnectError::of(&error).at(&name))?;
    told.ok_or_else(|| ConnectError::Unusable(format!("{name}: it knows no master {master:?}")))
}

async fn connect_to(info: &ConnectionInfo, options: &LinkOptions, ticket: Ticket) -> Found {
    let mut connection = open(info, options, Some(ticket.pushes)).await?;
    let checked = probe(&mut connection, options.call_budget).await;
    checked.map(|()| (ticket.number, connection)).map_err(|error| error.at(info.addr()))
}
