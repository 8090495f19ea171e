//! How many files and connections the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of this process to the highest it may have (systems start programs with a low one for the sake of
/// `select`, which nothing here uses), and tells what it is now.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    if limit.current == limit.maximum {
        return now;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(%error, limit = now, "the limit of open files cannot be raised");
            now
        }
    }
}
