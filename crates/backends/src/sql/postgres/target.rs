//! Where PostgreSQL is and how it is reached, read from a URL.
//!
//! `postgresql://user:password@host[:5432],host2/name?…`, also `postgres://` and `SQLAlchemy`'s
//! `postgresql+DRIVER://`. Parameters besides the driver's own:
//!
//! | parameter | |
//! |---|---|
//! | `sslmode` (`asyncpg`'s `ssl`) | `disable`, `prefer` (default), `require`, `verify-ca`, `verify-full`, as libpq means them |
//! | `sslrootcert` | the PEM file of the authorities to trust, or `system`; without it the system's are |
//! | `pgbouncer` | `true` behind a pooler that hands a connection to another client after each transaction |
//!
//! `require` with `sslrootcert` verifies as `verify-ca` does, as libpq has it. No password appears in an error.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};

/// The driver's own parameters; it would tell an unknown one less clearly.
const KNOWN: &[&str] = &[
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "sslnegotiation",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// Encryption without knowing whom one talks to.
    Nothing,
    /// Signed by a trusted authority.
    Authority,
    /// And made for the host that is connected to.
    AuthorityAndName,
}

/// Whose signatures are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The authorities the operating system trusts.
    System,
    /// The authorities in this PEM file.
    File(PathBuf),
}

/// Where PostgreSQL is and how it is reached.
#[derive(Clone)]
pub struct PostgresTarget {
    pub(super) config: tokio_postgres::Config,
    pub(super) verification: Verification,
    pub(super) roots: Roots,
    /// Another client may be served on the same server connection after each transaction.
    pub(super) transaction_pooler: bool,
}

impl PostgresTarget {
    /// Reads a URL.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the URL and so without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        const FORM: &str = "not a PostgreSQL URL such as postgresql://user@host/name";
        let (scheme, rest) = url.split_once("://").ok_or(FORM)?;
        let scheme = scheme.split_once('+').map_or(scheme, |(plain, _driver)| plain);
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut settings = Settings::default();
        let mut left = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("a parameter of the URL has no value")?;
            if !settings.takes(name, value)? {
                left.push(pair);
            }
        }
        let plain = format!("{scheme}://{address}?{}", left.join("&"));
        // The driver's message may quote the URL, and with it the password.
        let mut config: tokio_postgres::Config = plain.parse().map_err(|_| FORM.to_owned())?;
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let (mode, verification) = settings.meaning()?;
        // Nothing leaves the machine on a UNIX socket; libpq does not encrypt there either.
        config.ssl_mode(if local { SslMode::Disable } else { mode });
        Ok(Self {
            config,
            verification,
            roots: settings.roots.unwrap_or(Roots::System),
            transaction_pooler: settings.transaction_pooler,
        })
    }
}

impl PostgresTarget {
    /// Whether nobody on the way can pretend to be the server: it is on this machine, or its certificate is
    /// checked down to the name.
    pub fn is_verified(&self) -> bool {
        let on_this_machine = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        };
        self.verification == Verification::AuthorityAndName
            || self.config.get_hosts().iter().all(on_this_machine)
    }
}

/// The parameters that are ours to understand.
#[derive(Default)]
struct Settings {
    mode: Option<String>,
    roots: Option<Roots>,
    transaction_pooler: bool,
}

impl Settings {
    /// Whether the parameter is one of ours; it is remembered then.
    fn takes(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let text = percent_decode_str(value).decode_utf8().map_err(|_| format!("{name} is not UTF-8"))?;
        match name {
            "sslmode" | "ssl" => self.mode = Some(text.into_owned()),
            "sslrootcert" if text == "system" => self.roots = Some(Roots::System),
            "sslrootcert" => self.roots = Some(Roots::File(PathBuf::from(text.into_owned()))),
            "pgbouncer" => {
                self.transaction_pooler = match &*text {
                    "true" => true,
                    "false" => false,
                    _ => return Err("pgbouncer is neither true nor false".to_owned()),
                };
            }
            "sslcert" | "sslkey" | "sslpassword" => {
                return Err(format!("{name}: client certificates are not supported; use a password"));
            }
            name if KNOWN.contains(&name) => return Ok(false),
            name => return Err(format!("the parameter {name:?} is not known")),
        }
        Ok(true)
    }

    fn meaning(&self) -> Result<(SslMode, Verification), String> {
        let meaning = match self.mode.as_deref() {
            Some("disable") => (SslMode::Disable, Verification::Nothing),
            None | Some("allow" | "prefer") => (SslMode::Prefer, Verification::Nothing),
            Some("require") if self.roots.is_some() => (SslMode::Require, Verification::Authority),
            Some("require") => (SslMode::Require, Verification::Nothing),
            Some("verify-ca") => (SslMode::Require, Verification::Authority),
            Some("verify-full") => (SslMode::Require, Verification::AuthorityAndName),
            Some(_) => {
                return Err("sslmode is none of disable, prefer, require, verify-ca, verify-full".to_owned());
            }
        };
        if self.roots == Some(Roots::System) && meaning.1 != Verification::AuthorityAndName {
            // Anybody can get a certificate from a public authority; only the name tells servers apart.
            return Err("sslrootcert=system needs sslmode=verify-full".to_owned());
        }
        Ok(meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        PostgresTarget::parse(url).map(|_| ()).expect_err(url)
    }

    #[test]
    fn sqlalchemys_driver_is_left_out() {
        for url in
            ["postgresql+asyncpg://u:p+w@h/d", "postgresql+psycopg2://u:p+w@h/d", "postgres://u:p%2Bw@h/d"]
        {
            let target = PostgresTarget::parse(url).expect(url);
            assert_eq!(target.config.get_password(), Some(&b"p+w"[..]), "{url}");
            assert!(!target.transaction_pooler);
        }
    }

    #[test]
    fn modes_mean_what_they_mean_to_libpq() {
        use Verification::{Authority, AuthorityAndName, Nothing};
        for (query, mode, verification) in [
            ("", SslMode::Prefer, Nothing),
            ("sslmode=prefer", SslMode::Prefer, Nothing),
            ("sslmode=disable", SslMode::Disable, Nothing),
            ("ssl=require", SslMode::Require, Nothing),
            ("sslmode=require&sslrootcert=/ca.pem", SslMode::Require, Authority),
            ("sslmode=verify-ca", SslMode::Require, Authority),
            ("sslrootcert=%2Fca.pem&sslmode=verify-full", SslMode::Require, AuthorityAndName),
            ("sslrootcert=system&sslmode=verify-full", SslMode::Require, AuthorityAndName),
        ] {
            let target = PostgresTarget::parse(&format!("postgresql://h/d?{query}")).expect(query);
            assert_eq!((target.config.get_ssl_mode(), target.verification), (mode, verification), "{query}");
            let file = query.contains("ca.pem").then(|| Roots::File("/ca.pem".into()));
            assert_eq!(target.roots, file.unwrap_or(Roots::System), "{query}");
        }
        let local =
            PostgresTarget::parse("postgresql:///d?host=/run/postgresql&sslmode=require").expect("valid");
        assert_eq!(local.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn only_a_server_that_is_here_or_proves_its_name_is_verified() {
        let verified = |url: &str| PostgresTarget::parse(url).expect(url).is_verified();
        for url in [
            "postgresql://h/d?sslmode=verify-full",
            "postgresql://127.0.0.1,localhost/d",
            "postgresql:///d?host=/run/postgresql",
        ] {
            assert!(verified(url), "{url}");
        }
        for url in [
            "postgresql://h/d",
            "postgresql://localhost,h/d?sslmode=require",
            "postgresql://h/d?sslmode=verify-ca&sslrootcert=/ca.pem",
        ] {
            assert!(!verified(url), "{url}");
        }
    }

    #[test]
    fn a_pooler_is_told_by_a_parameter() {
        let target =
            PostgresTarget::parse("postgresql://h/d?connect_timeout=5&pgbouncer=true").expect("valid");
        assert!(target.transaction_pooler);
        assert_eq!(target.config.get_connect_timeout(), Some(&std::time::Duration::from_secs(5)));
    }

    #[test]
    fn what_is_wrong_is_named_without_showing_the_password() {
        for (url, named) in [
            ("postgresql://u:hunter2@h:port/d", "PostgreSQL URL"),
            ("host=h password=hunter2", "PostgreSQL URL"),
            ("mysql://u:hunter2@h/d", "PostgreSQL URL"),
            ("postgresql://u:hunter2@h/d?sslmode=maybe", "sslmode"),
            ("postgresql://u:hunter2@h/d?sslmode=require&sslrootcert=system", "verify-full"),
            ("postgresql://u:hunter2@h/d?sslkey=/k", "client certificates"),
            ("postgresql://u:hunter2@h/d?pgbouncer=yes", "pgbouncer"),
            ("postgresql://u:hunter2@h/d?schema=x", "schema"),
            ("postgresql://u:hunter2@h/d?sslmode", "no value"),
        ] {
            let text = refused(url);
            assert!(text.contains(named) && !text.contains("hunter2"), "{url}: {text}");
        }
    }
}
