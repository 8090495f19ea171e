//! Where Redis is, read from `REDIS_URL`.
//!
//! | URL | |
//! |---|---|
//! | `redis://[user:password@]host[:6379][/db]` | one server |
//! | `rediss://…` | the same over TLS, the certificate verified |
//! | `redis+unix:///path[?db=1]` | one server on a UNIX socket |
//! | `redis+sentinel://[user:password@]h1[:26379],h2,h3/master[/db]` | the master the sentinels name |
//! | `redis+cluster://[user:password@]h1[:6379],h2,h3` | a cluster |
//!
//! `rediss+sentinel` and `rediss+cluster` use TLS throughout. `?sentinel_username=…&sentinel_password=…`
//! are for the sentinels themselves. A password never appears in `Debug` or in an error.

use std::fmt;

use hardening::clock::Timestamp;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo};
use url::Url;

use crate::certificates;
use crate::names::Names;

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Where Redis is.
#[derive(Clone)]
pub enum RedisTarget {
    /// One server.
    Standalone(Box<ConnectionInfo>),
    /// The server that the sentinels call the master of this name.
    Sentinel {
        /// How to reach the sentinels.
        sentinels: Vec<ConnectionInfo>,
        /// The name of the master.
        master: String,
        /// Database and credentials at the master.
        settings: RedisConnectionInfo,
        /// Whether the master is reached over TLS.
        tls: bool,
    },
    /// A cluster, found through any of these nodes.
    Cluster(Vec<ConnectionInfo>),
}

impl RedisTarget {
    /// Reads a URL of one of the forms above.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the URL and so without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, _) = url.split_once("://").ok_or("it is not a URL such as redis://host:6379/0")?;
        match scheme {
            "redis+sentinel" | "rediss+sentinel" => Parts::read(url, SENTINEL_PORT)?.into_sentinel(),
            "redis+cluster" | "rediss+cluster" => Parts::read(url, SERVER_PORT)?.into_cluster(),
            "redis" | "rediss" | "redis+unix" => Self::standalone(url),
            _ => {
                Err("its scheme must be redis, rediss, redis+unix, redis+sentinel or redis+cluster"
                    .to_owned())
            }
        }
    }

    /// When the certificates of the servers that it names end; none without TLS. A server that is away is left out.
    pub async fn certificate_ends(&self, names: &Names) -> Vec<(String, Timestamp)> {
        let servers: Vec<&ConnectionInfo> = match self {
            Self::Standalone(info) => vec![info],
            Self::Sentinel { sentinels: infos, .. } | Self::Cluster(infos) => infos.iter().collect(),
        };
        let mut ends = Vec::new();
        for server in servers {
            let ConnectionAddr::TcpTls { host, port, .. } = server.addr() else { continue };
            match certificates::shown_by(names, host, *port).await {
                Ok(end) => ends.push((format!("Redis at {host}:{port}"), end)),
                Err(error) => tracing::debug!(error, "a certificate cannot be looked at"),
            }
        }
        ends
    }

    fn standalone(url: &str) -> Result<Self, String> {
        let info = url.into_connection_info().map_err(|error| error.category().to_owned())?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(
                "TLS without verification (#insecure) protects nothing and is not supported".to_owned()
            );
        }
        let settings = speak_resp3(info.redis_settings().clone());
        Ok(Self::Standalone(Box::new(without_delay(info.set_redis_settings(settings)))))
    }
}

impl fmt::Debug for RedisTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nodes: &[ConnectionInfo]| {
            nodes.iter().map(|node| node.addr().to_string()).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Standalone(info) => write!(formatter, "{}", info.addr()),
            Self::Sentinel { sentinels, master, .. } => {
                write!(formatter, "{master} of the sentinels {}", list(sentinels))
            }
            Self::Cluster(nodes) => write!(formatter, "the cluster of {}", list(nodes)),
        }
    }
}

/// RESP3 notices a lost connection also while nothing is asked.
fn speak_resp3(settings: RedisConnectionInfo) -> RedisConnectionInfo {
    settings.set_protocol(ProtocolVersion::RESP3)
}

/// Small requests must not wait for the answer to the one before.
pub(super) fn without_delay(info: ConnectionInfo) -> ConnectionInfo {
    info.set_tcp_settings(TcpSettings::default().set_nodelay(true))
}

/// The address of a node that another node, or a sentinel, told.
pub(super) fn address(host: String, port: u16, tls: bool) -> ConnectionAddr {
    if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    }
}

/// A URL with several hosts.
struct Parts {
    tls: bool,
    hosts: Vec<(String, u16)>,
    settings: RedisConnectionInfo,
    sentinel_settings: RedisConnectionInfo,
    path: Vec<String>,
}

impl Parts {
    fn read(text: &str, default_port: u16) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it is not a URL")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (userinfo, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let hosts =
            hosts.split(',').map(|host| host_and_port(host, default_port)).collect::<Result<_, _>>()?;
        // One host is enough for the parser of URLs to read everything else.
        let at = if userinfo.is_empty() { "" } else { "@" };
        let url = Url::parse(&format!("redis://{userinfo}{at}h{tail}")).map_err(|error| error.to_string())?;
        let parameter =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let own = (decoded(url.username())?, url.password().map(decoded).transpose()?.flatten());
        let sentinels = (parameter("sentinel_username"), parameter("sentinel_password"));
        Ok(Self {
            tls: scheme.starts_with("rediss"),
            hosts,
            settings: credentials(own),
            sentinel_settings: credentials(sentinels),
            path: path_of(&url)?,
        })
    }

    fn infos(&self, settings: &RedisConnectionInfo) -> Result<Vec<ConnectionInfo>, String> {
        let infos = self.hosts.iter().map(|(host, port)| {
            let info = address(host.clone(), *port, self.tls).into_connection_info();
            info.map(|info| without_delay(info.set_redis_settings(settings.clone())))
        });
        infos.collect::<Result<_, _>>().map_err(|error| error.category().to_owned())
    }

    fn into_sentinel(self) -> Result<RedisTarget, String> {
        let sentinels = self.infos(&self.sentinel_settings)?;
        let (master, db) = match self.path.as_slice() {
            [master] => (master.clone(), 0),
            [master, db] => {
                (master.clone(), db.parse().map_err(|_| format!("{db:?} is no database number"))?)
            }
            _ => return Err("the master's name is missing: redis+sentinel://h1,h2,h3/mymaster".to_owned()),
        };
        Ok(RedisTarget::Sentinel { sentinels, master, settings: self.settings.set_db(db), tls: self.tls })
    }

    fn into_cluster(self) -> Result<RedisTarget, String> {
        if self.path.iter().any(|db| db != "0") {
            return Err("a cluster has database 0 only".to_owned());
        }
        self.infos(&self.settings).map(RedisTarget::Cluster)
    }
}

fn credentials((username, password): (Option<String>, Option<String>)) -> RedisConnectionInfo {
    let mut settings = speak_resp3(RedisConnectionInfo::default());
    if let Some(username) = username {
        settings = settings.set_username(username);
    }
    if let Some(password) = password {
        settings = settings.set_password(password);
    }
    settings
}

fn path_of(url: &Url) -> Result<Vec<String>, String> {
    let segments = url.path_segments().into_iter().flatten();
    let decoded = segments.map(decoded).filter_map(Result::transpose);
    decoded.collect()
}

fn decoded(text: &str) -> Result<Option<String>, String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "a part of it is not UTF-8")?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| "a port is not a number from 0 to 65535".to_owned())?)
        }
        _ => (text, default_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err("a host is missing".to_owned());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
