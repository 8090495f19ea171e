//! Redis, Sentinel and Cluster: one link, one Lua script a call, a call budget and a circuit breaker.
//!
//! * A use case talks to Redis through [`RedisLink::run`] only: one [`LuaScript`], all keys in one slot
//!   (a hash tag in braces), so that the same code serves a single server, Sentinel and Cluster.
//! * A call takes at most [`LinkOptions::call_budget`] and is never sent twice once it may have run.
//! * After a few failures in a row the breaker opens: calls fail at once while a task behind looks for the
//!   server, for a new master where there are sentinels, and closes the breaker when it finds it.
//! * A server that is away when the program starts is searched for like one that was lost. Before it is used for
//!   the first time its version and its settings are looked at.
//! * A server that answers but takes no writes (full, unable to save) fails the calls that write, and counts as
//!   degraded until it takes them again.
//! * Log lines mark the moments when such a state begins and ends, never single calls.

mod admission;
pub mod attempts;
mod breaker;
mod cluster;
mod connect_error;
mod decimal;
mod finder;
mod health;
mod line;
mod link;
mod node;
mod options;
pub mod quotas;
mod request;
mod script;
mod scripts;
mod server;
pub mod sessions;
mod slots;
mod target;

pub use connect_error::ConnectError;
pub use link::RedisLink;
pub use options::LinkOptions;
pub use script::{Arg, LuaScript};
pub use target::RedisTarget;
