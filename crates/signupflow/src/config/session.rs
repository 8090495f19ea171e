//! Sessions.

use std::time::Duration;

use super::deployment::{Deployment, SINGLE_NODE};
use super::reader::Reader;
use super::redis::Redis;
use super::variable::Allowed::{OneOf, Whole};
use super::variable::Fallback::{Derived, Value};
use super::variable::{Section, Variable};

const SESSION_TTL_HOURS: Variable = Variable {
    name: "SESSION_TTL_HOURS",
    section: Section::Session,
    allowed: Whole { min: 1, max: 8_760, unit: "hours" },
    default: Value("24"),
    example: "24",
    description: "A session ends this long after the sign-in, used or not.",
    secret: false,
};
const SESSION_IDLE_MINUTES: Variable = Variable {
    name: "SESSION_IDLE_MINUTES",
    section: Section::Session,
    allowed: Whole { min: 0, max: 525_600, unit: "minutes; 0 = never" },
    default: Value("480"),
    example: "480",
    description: "A session ends after this long without a request.",
    secret: false,
};
const SESSION_MAX_PER_USER: Variable = Variable {
    name: "SESSION_MAX_PER_USER",
    section: Section::Session,
    allowed: Whole { min: 1, max: 1_000, unit: "sessions" },
    default: Value("5"),
    example: "5",
    description: "With one more, the oldest session of the person ends.",
    secret: false,
};
const SESSION_STORAGE: Variable = Variable {
    name: "SESSION_STORAGE",
    section: Section::Session,
    allowed: OneOf(&["redis", "memory"]),
    default: Derived("redis with `REDIS_URL` or `REDIS_HOST`, else memory"),
    example: "redis",
    description: "Where sessions and counters are. `memory` is in process, written through to the database: for \
                  one node only.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] =
    &[&SESSION_TTL_HOURS, &SESSION_IDLE_MINUTES, &SESSION_MAX_PER_USER, &SESSION_STORAGE];

/// Where sessions and counters are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStorage {
    /// In Redis, shared by all nodes.
    Redis,
    /// In process, written through to the database.
    Memory,
}

/// Sessions.
#[derive(Clone, Debug)]
pub struct Session {
    /// `SESSION_TTL_HOURS`.
    pub ttl: Duration,
    /// `SESSION_IDLE_MINUTES`; `None` when off.
    pub idle: Option<Duration>,
    /// `SESSION_MAX_PER_USER`.
    pub max_per_user: u32,
    /// `SESSION_STORAGE`; [`SessionStorage::Redis`] only when the configuration has Redis.
    pub storage: SessionStorage,
}

pub(super) fn read(reader: &mut Reader<'_>, deployment: &Deployment, redis: Option<&Redis>) -> Session {
    let ttl = Duration::from_hours(reader.whole(&SESSION_TTL_HOURS).into());
    let idle = match reader.whole(&SESSION_IDLE_MINUTES) {
        0 => None,
        minutes => Some(Duration::from_mins(minutes.into())),
    };
    let max_per_user = reader.whole(&SESSION_MAX_PER_USER);
    Session { ttl, idle, max_per_user, storage: storage(reader, deployment, redis) }
}

fn storage(reader: &mut Reader<'_>, deployment: &Deployment, redis: Option<&Redis>) -> SessionStorage {
    let one_node = format!("needs {}=true: a second node would not know of its sessions", SINGLE_NODE.name);
    let may_be_several = deployment.is_production() && !deployment.single_node;
    match (reader.word(&SESSION_STORAGE), redis) {
        (Some("redis") | None, Some(_)) => SessionStorage::Redis,
        (Some("redis"), None) => {
            if redis_is_unset(reader) {
                reader.wrong(&SESSION_STORAGE, Some("redis"), "neither REDIS_URL nor REDIS_HOST is set");
            }
            SessionStorage::Redis
        }
        (Some(memory), _) if may_be_several => {
            reader.wrong(&SESSION_STORAGE, Some(memory), format!("in production it {one_node}"));
            SessionStorage::Memory
        }
        (None, None) if may_be_several => {
            reader.warn(format!("without Redis, sessions and counters are in process, which {one_node}"));
            SessionStorage::Memory
        }
        _ => SessionStorage::Memory,
    }
}

/// Otherwise a wrong `REDIS_…` is reported already.
fn redis_is_unset(reader: &Reader<'_>) -> bool {
    !reader.errors.iter().any(|error| error.subject.starts_with("REDIS_"))
}
