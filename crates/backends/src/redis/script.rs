//! Lua scripts, known to the server by the SHA-1 of their text.

use std::fmt;
use std::sync::OnceLock;

use redis::{RedisWrite, ToRedisArgs, ToSingleRedisArg};
use sha1::{Digest as _, Sha1};

/// A Lua script. All keys of one call lie in one slot of a cluster; it must not use any other key.
///
/// ```
/// use backends::redis::LuaScript;
/// static TOUCH: LuaScript = LuaScript::new("touch", "return redis.call('PEXPIRE', KEYS[1], ARGV[1])");
/// ```
pub struct LuaScript {
    name: &'static str,
    source: &'static str,
    budgets: u32,
    hash: OnceLock<String>,
}

impl LuaScript {
    /// A script with the name it has in metrics and messages. Declare it as a `static`.
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, budgets: 1, hash: OnceLock::new() }
    }

    /// The same for a script that may take this many call budgets, because its work grows with what it finds.
    #[must_use]
    pub const fn of_budgets(mut self, budgets: u32) -> Self {
        self.budgets = budgets;
        self
    }

    /// How many call budgets it may take.
    pub fn budgets(&self) -> u32 {
        self.budgets
    }

    /// Its name in metrics and messages.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its text.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// What `EVALSHA` calls it: SHA-1 of the text, in lower-case hex.
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| {
            let digest = Sha1::digest(self.source.as_bytes());
            digest.iter().fold(String::with_capacity(40), |mut text, byte| {
                text.extend(
                    [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[half as usize])),
                );
                text
            })
        })
    }
}

impl fmt::Debug for LuaScript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LuaScript({})", self.name)
    }
}

/// Octets that any number finds room in.
pub(super) const NUMBER: usize = 20;

/// One `ARGV` of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number; Lua reads it with `tonumber`, exact up to 2^53.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

impl Arg {
    /// How many octets it takes at most.
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Int(_) => NUMBER,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

impl ToRedisArgs for Arg {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        match self {
            Self::Int(number) => number.write_redis_args(out),
            Self::Text(text) => out.write_arg(text.as_bytes()),
            Self::Bytes(bytes) => out.write_arg(bytes),
        }
    }
}

impl ToSingleRedisArg for Arg {}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sha1_in_lower_case_hex() {
        static EMPTY: LuaScript = LuaScript::new("empty", "");
        assert_eq!(EMPTY.hash(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    #[test]
    fn bytes_are_one_argument() {
        let all = [Arg::Int(-7), Arg::from("é"), Arg::from(vec![0, 255])].map(|arg| arg.to_redis_args());
        assert_eq!(all, [vec![b"-7".to_vec()], vec!["é".as_bytes().to_vec()], vec![vec![0, 255]]]);
    }
}
