//! The relational database.

use std::path::PathBuf;

use backends::sql::PostgresTarget;
use hardening::secret::Secret;

use super::deployment::{ALLOW_EMBEDDED_IN_PRODUCTION, Deployment};
use super::reader::Reader;
use super::variable::Allowed::Text;
use super::variable::Fallback::Derived;
use super::variable::{Section, Variable};

/// The embedded database's file in `DATA_DIR`.
pub const DATABASE_FILE: &str = "signupflow.db";

const DATABASE_URL: Variable = Variable {
    name: "DATABASE_URL",
    section: Section::Database,
    allowed: Text("a PostgreSQL URL: postgresql://, postgres:// or SQLAlchemy's postgresql+DRIVER://"),
    default: Derived("embedded SQLite in `DATA_DIR`"),
    example: "postgresql://signupflow:password@db.example.org:5432/signupflow",
    description: "PostgreSQL 15 or newer. With it, secrets are no longer generated. `?sslmode=verify-full` \
                  with `&sslrootcert=FILE` (or `system`) encrypts and verifies; `?pgbouncer=true` goes through \
                  a pooler in transaction mode.",
    secret: true,
};

pub(super) const VARIABLES: &[&Variable] = &[&DATABASE_URL];

/// Which database holds the relational data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// SQLite.
    Embedded {
        /// The database file.
        file: PathBuf,
    },
    /// PostgreSQL.
    PostgreSql {
        /// `postgresql://…`, without the name of a Python driver.
        url: Secret<String>,
    },
}

impl Database {
    /// Whether it is the embedded one.
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded { .. })
    }
}

pub(super) fn read(reader: &mut Reader<'_>, deployment: &Deployment) -> Database {
    let errors = reader.errors.len();
    if let Some((url, target)) = reader.parsed(&DATABASE_URL, parse) {
        if reader.in_production() && !target.is_verified() {
            reader.warn(
                "PostgreSQL is reached over the network without checking that it is the right server: add \
                 sslmode=verify-full and sslrootcert to DATABASE_URL",
            );
        }
        return Database::PostgreSql { url };
    }
    let unset = reader.errors.len() == errors;
    if unset && deployment.is_production() && !deployment.allow_embedded_in_production {
        let reason = format!(
            "production does not run on the embedded database unless {}=true",
            ALLOW_EMBEDDED_IN_PRODUCTION.name
        );
        reader.wrong(&DATABASE_URL, None, reason);
    }
    Database::Embedded { file: deployment.data_dir.join(DATABASE_FILE) }
}

fn parse(text: &str) -> Result<(Secret<String>, PostgresTarget), String> {
    let (scheme, rest) = text.split_once("://").ok_or("it is not a URL")?;
    let scheme = scheme.to_ascii_lowercase();
    let plain = scheme.split_once('+').map_or(scheme.as_str(), |(plain, _driver)| plain);
    match plain {
        "postgres" | "postgresql" => {}
        "sqlite" => return Err("for the embedded SQLite leave it unset and set DATA_DIR".to_owned()),
        _ => return Err("its scheme is not that of PostgreSQL".to_owned()),
    }
    let (before_query, query) = rest.split_once('?').map_or((rest, ""), |(before, query)| (before, query));
    let authority = before_query.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    if hosts.is_empty() && !query.split('&').any(|pair| pair.starts_with("host=")) {
        return Err("it names no host".to_owned());
    }
    if !hosts.split(',').all(has_sound_port) {
        return Err("a port in it is not a number from 1 to 65535".to_owned());
    }
    let url = text.replacen(text.split("://").next().unwrap_or_default(), "postgresql", 1);
    let target = PostgresTarget::parse(&url)?;
    Ok((Secret::new(url), target))
}

/// Whether the port of `host[:port]`, if there is one, is a port.
fn has_sound_port(host: &str) -> bool {
    match host.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_python_writes_them() {
        for (given, used) in [
            ("postgres://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
            ("postgresql://h/d", "postgresql://h/d"),
            ("postgresql+psycopg2://u:p%40@h/d?sslmode=require", "postgresql://u:p%40@h/d?sslmode=require"),
            ("postgresql+asyncpg://h/d?ssl=require&", "postgresql://h/d?ssl=require&"),
            ("POSTGRESQL://[::1]:5432/d", "postgresql://[::1]:5432/d"),
            ("postgresql://h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
            ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
        ] {
            assert_eq!(parse(given).unwrap().0.expose(), used);
        }
    }

    #[test]
    fn other_things_are_refused_without_being_shown() {
        for bad in [
            "",
            "h/d",
            "mysql://u:hunter2@h/d",
            "sqlite:///./hunter2.db",
            "postgresql:///d",
            "postgresql://u:hunter2@/d",
            "postgresql://h:0/d",
            "postgresql://h:99999/d",
            "postgresql://h:x/d",
            "postgresql://u:hunter2@h/d?sslmode=maybe",
            "postgresql://u:hunter2@h/d?sslmod=require",
        ] {
            assert!(!parse(bad).map(|_| ()).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
