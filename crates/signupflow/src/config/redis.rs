//! Redis: where it is and how to sign in to it.

use std::borrow::Cow;
use std::path::PathBuf;

use backends::redis::RedisTarget;
use hardening::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::reader::Reader;
use super::variable::Allowed::{Text, Whole};
use super::variable::Fallback::{Derived, Nothing, Value};
use super::variable::{Section, Variable};

pub(super) const REDIS_URL: Variable = Variable {
    name: "REDIS_URL",
    section: Section::Redis,
    allowed: Text(
        "redis://[[user]:password@]host[:port][/db], rediss:// (TLS), redis+unix:///path/to/socket, \
         redis+sentinel://host,host,host/master or redis+cluster://host,host,host (rediss+… with TLS)",
    ),
    default: Derived("made from `REDIS_HOST`, if that is set; else sessions and counters stay in process"),
    example: "redis://:password@redis.example.org:6379/0",
    description: "Redis 7.0 or newer, or Valkey. Beats `REDIS_HOST`, `REDIS_PORT` and `REDIS_PASSWORD`.",
    secret: true,
};
const REDIS_HOST: Variable = Variable {
    name: "REDIS_HOST",
    section: Section::Redis,
    allowed: Text("a host name or IP address"),
    default: Nothing,
    example: "localhost",
    description: "Used without `REDIS_URL`.",
    secret: false,
};
const REDIS_PORT: Variable = Variable {
    name: "REDIS_PORT",
    section: Section::Redis,
    allowed: Whole { min: 1, max: 65535, unit: "a port" },
    default: Value("6379"),
    example: "6379",
    description: "Used with `REDIS_HOST`. A `tcp://…` value, as container platforms inject it, is ignored.",
    secret: false,
};
const REDIS_PASSWORD: Variable = Variable {
    name: "REDIS_PASSWORD",
    section: Section::Redis,
    allowed: Text("any text"),
    default: Nothing,
    example: "<the password of your Redis>",
    description: "Used with `REDIS_HOST`.",
    secret: true,
};

pub(super) const VARIABLES: &[&Variable] = &[&REDIS_URL, &REDIS_HOST, &REDIS_PORT, &REDIS_PASSWORD];

/// Where Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisEndpoint {
    /// Over the network.
    Tcp {
        /// Host name or address; an IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
        /// Whether the connection is encrypted (`rediss://`).
        tls: bool,
    },
    /// A socket of this machine.
    Unix {
        /// The socket.
        path: PathBuf,
    },
    /// Several servers: sentinels that know the master, or nodes of a cluster.
    Group,
}

/// Where Redis is and how to sign in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// The whole address, as the link takes it.
    pub url: Secret<String>,
    /// Where it listens.
    pub endpoint: RedisEndpoint,
    /// The ACL user; without one, Redis's `default`.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// The number of the database.
    pub database: u32,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Redis> {
    let errors = reader.errors.len();
    let from_url = reader.parsed(&REDIS_URL, parse);
    let from_parts = from_parts(reader);
    if reader.errors.len() > errors {
        return None;
    }
    let redis = from_url.or(from_parts)?;
    let remote = matches!(&redis.endpoint, RedisEndpoint::Tcp { host, tls: false, .. } if !is_loopback(host));
    if reader.in_production() && remote && redis.password.is_none() {
        reader.warn("Redis is reached over the network without a password");
    }
    Some(redis)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn from_parts(reader: &mut Reader<'_>) -> Option<Redis> {
    let host = reader.text(&REDIS_HOST);
    let injected = reader.text_unchecked(&REDIS_PORT).is_some_and(|port| port.starts_with("tcp://"));
    let port = if injected { 6379 } else { u16::try_from(reader.whole(&REDIS_PORT)).unwrap_or(6379) };
    let password = reader.secret(&REDIS_PASSWORD);
    let host = host?;
    let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let credentials = password
        .as_ref()
        .map(|password| format!(":{}@", utf8_percent_encode(password.expose(), NON_ALPHANUMERIC)));
    let url = Secret::new(format!("redis://{}{shown}:{port}/0", credentials.unwrap_or_default()));
    let endpoint = RedisEndpoint::Tcp { host, port, tls: false };
    Some(Redis { url, endpoint, username: None, password, database: 0 })
}

fn parse(text: &str) -> Result<Redis, String> {
    let several = text
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.ends_with("+sentinel") || scheme.ends_with("+cluster"));
    if several {
        RedisTarget::parse(text)?;
        let url = Secret::new(text.to_owned());
        return Ok(Redis {
            url,
            endpoint: RedisEndpoint::Group,
            username: None,
            password: None,
            database: 0,
        });
    }
    let url = Url::parse(&with_host(text)).map_err(|error| format!("it is not a URL: {error}"))?;
    let path = decoded(url.path())?;
    let query =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (endpoint, database) = match url.scheme() {
        "redis" | "rediss" => (tcp(&url)?, Some(path.trim_matches('/').to_owned())),
        "redis+unix" | "unix" if path.len() > 1 => (RedisEndpoint::Unix { path: path.as_str().into() }, None),
        "redis+unix" | "unix" => return Err("it names no socket".to_owned()),
        _ => {
            return Err(
                "its scheme is none of redis, rediss, redis+unix, redis+sentinel, redis+cluster".to_owned()
            );
        }
    };
    let database = database.filter(|number| !number.is_empty()).or_else(|| query("db"));
    let database = database.map_or(Ok(0), |number| number.parse());
    let database = database.map_err(|_| "the database in it is not a number")?;
    let username = Some(decoded(url.username())?).filter(|name| !name.is_empty());
    let password = url.password().map(decoded).transpose()?.filter(|password| !password.is_empty());
    let password = password.or_else(|| query("password")).map(Secret::new);
    let url = Secret::new(match &endpoint {
        RedisEndpoint::Unix { .. } => socket_url(&path, database, username.as_deref(), password.as_ref()),
        _ => text.to_owned(),
    });
    RedisTarget::parse(url.expose())?;
    Ok(Redis { url, endpoint, username, password, database })
}

/// The address of a socket as the link reads it: everything else in the query.
fn socket_url(path: &str, database: u32, user: Option<&str>, password: Option<&Secret<String>>) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let user = user.map(|name| format!("&user={}", escaped(name))).unwrap_or_default();
    let password = password.map(|secret| format!("&pass={}", escaped(secret.expose()))).unwrap_or_default();
    format!("redis+unix://{path}?db={database}{user}{password}")
}

/// The URL of a socket with credentials has no host (`unix://user:password@/path`), which a URL parser
/// refuses; it gets one that is not looked at.
fn with_host(text: &str) -> Cow<'_, str> {
    match text.split_once("@/") {
        Some((start, path)) if start.contains("unix://") => format!("{start}@socket/{path}").into(),
        _ => text.into(),
    }
}

fn tcp(url: &Url) -> Result<RedisEndpoint, String> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
    Ok(RedisEndpoint::Tcp { host, port: url.port().unwrap_or(6379), tls: url.scheme() == "rediss" })
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| "an escape in it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16, tls: bool) -> RedisEndpoint {
        RedisEndpoint::Tcp { host: host.to_owned(), port, tls }
    }

    #[test]
    fn urls() {
        let socket = RedisEndpoint::Unix { path: "/run/redis.sock".into() };
        for (text, endpoint, username, password, database) in [
            ("redis://localhost", at("localhost", 6379, false), None, None, 0),
            ("redis://:p%40ss@h:7000/3", at("h", 7000, false), None, Some("p@ss"), 3),
            ("rediss://me:pw@h/?db=2", at("h", 6379, true), Some("me"), Some("pw"), 2),
            ("redis://[::1]:6380", at("::1", 6380, false), None, None, 0),
            ("redis+unix:///run/redis.sock?db=1", socket.clone(), None, None, 1),
            ("unix://me@/run/redis.sock?password=pw", socket.clone(), Some("me"), Some("pw"), 0),
            ("unix://:pw@/run/redis.sock", socket, None, Some("pw"), 0),
        ] {
            let redis = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(redis.endpoint, endpoint, "{text}");
            assert_eq!(redis.username.as_deref(), username, "{text}");
            assert_eq!(redis.password.as_ref().map(|p| p.expose().as_str()), password, "{text}");
            assert_eq!(redis.database, database, "{text}");
            assert!(RedisTarget::parse(redis.url.expose()).is_ok(), "{text}");
        }
    }

    #[test]
    fn groups() {
        for text in
            ["redis+sentinel://a:26379,b,c/mymaster", "redis+cluster://a:7000,b:7001", "rediss+cluster://a"]
        {
            let redis = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(redis.endpoint, RedisEndpoint::Group, "{text}");
        }
        assert!(parse("redis+sentinel://").is_err());
    }

    #[test]
    fn other_things_are_refused() {
        for bad in [
            "",
            "localhost:6379",
            "http://h",
            "redis://",
            "redis:///0",
            "redis://h/x",
            "redis+unix://",
            "redis://@/0",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
