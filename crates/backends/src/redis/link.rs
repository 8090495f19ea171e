//! The link: what stores call.

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use hardening::fault::Fault;
use redis::FromRedisValue;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::finder::Finder;
use super::health::Health;
use super::node::{Failure, Node};
use super::request::{Meaning, Request};
use super::slots::slot_of;
use super::{Arg, ConnectError, LinkOptions, LuaScript, RedisTarget};

const BACKEND: &str = "redis";
const BUDGETS_OF_A_PING: u32 = 10;

/// A connection to Redis that heals itself. Clones share it.
#[derive(Clone)]
pub struct RedisLink(Arc<Inner>);

struct Inner {
    servers: Servers,
    options: Arc<LinkOptions>,
    health: Health,
    duration: metrics::Histogram,
}

enum Servers {
    One(Arc<Node>),
    Many(Arc<Cluster>),
}

impl RedisLink {
    /// Connects and looks at every master: version 7.0 or newer, no eviction of keys.
    ///
    /// # Errors
    /// When none can be used.
    pub async fn connect(target: RedisTarget, options: LinkOptions) -> Result<Self, ConnectError> {
        match Self::find(target, options).await {
            (link, None) => Ok(link),
            (_, Some(error)) => Err(error),
        }
    }

    /// As [`RedisLink::connect`], and also when no master can be used: the reason comes with a link that is
    /// degraded and searches until one can.
    ///
    /// Install the recorder of metrics first: the link keeps a handle to `signupflow_redis_call_seconds`.
    pub async fn find(target: RedisTarget, options: LinkOptions) -> (Self, Option<ConnectError>) {
        let (options, health) = (Arc::new(options), Health::default());
        health.publish();
        let name = format!("{target:?}");
        let one = |finder| Servers::One(Node::new(name, finder, Arc::clone(&options), health.clone()));
        let (servers, error) = match target {
            RedisTarget::Standalone(info) => (one(Finder::Fixed(info)), None),
            RedisTarget::Sentinel { sentinels, master, settings, tls } => {
                (one(Finder::Sentinels { sentinels, master, settings, tls }), None)
            }
            RedisTarget::Cluster(seeds) => {
                let (cluster, error) = Cluster::find(seeds, Arc::clone(&options), health.clone()).await;
                (Servers::Many(cluster), error)
            }
        };
        let error = match error {
            None => servers.find().await,
            unknown => unknown,
        };
        let duration = metrics::histogram!("signupflow_redis_call_seconds");
        (Self(Arc::new(Inner { servers, options, health, duration })), error)
    }

    /// Runs a script: `EVALSHA`, and `EVAL` when the server does not know it yet. All keys lie in one slot.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] within the script's budget when Redis is away, at once while the breaker is open:
    /// an attempt whose answer was lost may have run. [`Fault::Internal`] when the script fails or its reply
    /// is not a `T`.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &'static LuaScript,
        keys: &[&str],
        args: &[Arg],
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let deadline = begun + self.0.options.call_budget * script.budgets();
        let request = Request::Script { script, keys, args };
        let answer = match &self.0.servers {
            Servers::One(node) => node.send(request, false, deadline).await,
            Servers::Many(cluster) => {
                cluster.send(request, keys.first().map(|key| slot_of(key)), deadline).await
            }
        };
        self.0.duration.record(begun.elapsed());
        let value = answer.map_err(|failure| fault(script.name(), failure))?;
        let value = T::from_redis_value(value);
        value.map_err(|error| Fault::internal(format!("the script {}: {error}", script.name())))
    }

    /// A key of this name; of a cluster, one on each master that has slots. A master keeps its key while it keeps
    /// its address and its slots: after a change of the layout nobody's key is taken for another's.
    pub(super) fn key_on_each_master(&self, name: &str) -> Vec<String> {
        match &self.0.servers {
            Servers::One(_) => vec![name.to_owned()],
            Servers::Many(cluster) => cluster.key_on_each_master(name),
        }
    }

    /// Whether Redis answers and takes writes; of a cluster, any master.
    ///
    /// # Errors
    /// [`Fault::Unavailable`], within ten call budgets: one slow answer on a busy machine does not send the load
    /// balancer away, perhaps from the last node there is. At once while the breaker is open. [`RedisLink::refuses_writes`] then tells a server that is full
    /// from one that is away.
    pub async fn ping(&self) -> Result<(), Fault> {
        let deadline = Instant::now() + self.0.options.call_budget * BUDGETS_OF_A_PING;
        let nodes = self.0.servers.nodes();
        let answers = join_all(nodes.iter().map(|node| node.check_writes(deadline))).await;
        let mut outcome = Err(Fault::unavailable(BACKEND, "no server is known"));
        for answer in answers {
            match answer {
                Ok(()) => return Ok(()),
                Err(failure) => outcome = Err(fault("ping", failure)),
            }
        }
        outcome
    }

    /// Why a server that answers takes no writes, in words that tell nothing internal.
    pub fn refuses_writes(&self) -> Option<&'static str> {
        self.0.servers.nodes().iter().find_map(|node| node.refuses_writes())
    }

    /// Whether calls to a server fail because it is away or takes no writes.
    pub fn is_degraded(&self) -> bool {
        self.0.health.is_degraded()
    }

    /// What the look at the servers found that is not wrong enough to refuse; it is also in the log.
    pub fn warnings(&self) -> Vec<String> {
        let nodes = self.0.servers.nodes();
        let mut warnings: Vec<String> = nodes.iter().flat_map(|node| node.warnings().to_vec()).collect();
        warnings.sort_unstable();
        warnings.dedup();
        warnings
    }
}

impl fmt::Debug for RedisLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedisLink({:?})", self.0.servers.nodes())
    }
}

impl Servers {
    fn nodes(&self) -> Vec<Arc<Node>> {
        match self {
            Self::One(node) => vec![Arc::clone(node)],
            Self::Many(cluster) => cluster.nodes(),
        }
    }

    /// Looks for all of them; the error, when none can be used or one must not.
    async fn find(&self) -> Option<ConnectError> {
        let nodes = self.nodes();
        let errors: Vec<_> = join_all(nodes.iter().map(Node::find)).await.into_iter().flatten().collect();
        let all = errors.len() == nodes.len();
        let must_not = errors.iter().any(|error| matches!(error, ConnectError::Unusable(_)));
        (all || must_not).then(|| ConnectError::of_all(errors))
    }
}

fn fault(what: &str, failure: Failure) -> Fault {
    match failure {
        Failure::Away(reason) => Fault::unavailable(BACKEND, reason),
        Failure::Refused(error) if Meaning::of(&error) == Meaning::Mistake => {
            Fault::internal(format!("redis, {what}: {error}"))
        }
        Failure::Refused(error) => Fault::unavailable(BACKEND, error),
    }
}
