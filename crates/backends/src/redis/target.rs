//! Where Redis is, read from `REDIS_URL`.

use redis::{ConnectionInfo, IntoConnectionInfo as _};

/// Where Redis is.
#[derive(Clone)]
pub enum RedisTarget {
    /// One server: `redis://`, `rediss://` or `redis+unix://`.
    Standalone(Box<ConnectionInfo>),
}

impl RedisTarget {
    /// Reads a URL.
    ///
    /// # Errors
    /// A sentence without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let info = url.into_connection_info().map_err(|error| error.to_string())?;
        Ok(Self::Standalone(Box::new(info)))
    }
}
