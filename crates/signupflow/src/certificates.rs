//! Certificates of the servers behind: an alarm two weeks before one ends, by log, metric and doctor.

use std::sync::Arc;
use std::time::Duration;

use backends::names::Names;
use backends::redis::RedisTarget;
use backends::sql::Database;
use hardening::clock::{Clock, Timestamp};

use crate::config::{Config, SessionStorage};

/// So long before its end a certificate is worth an alarm.
const ALARM_BEFORE: Duration = Duration::from_hours(14 * 24);
/// How often certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// The servers whose certificates are watched: those that are reached over TLS.
pub struct Watched {
    database: Database,
    redis: Option<RedisTarget>,
}

/// A certificate and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub server: String,
    /// When it ends.
    pub end: Timestamp,
}

impl Certificate {
    /// What is to be said about it.
    ///
    /// # Errors
    /// The sentence, when it ends soon or has ended.
    pub fn judge(&self, now: Timestamp) -> Result<String, String> {
        let Self { server, end } = self;
        if *end <= now {
            return Err(format!("the certificate of {server} ended at {end}"));
        }
        let left = end.since(now);
        let sentence =
            format!("the certificate of {server} ends at {end}, in {} days", left.as_secs() / 86_400);
        if left < ALARM_BEFORE { Err(sentence) } else { Ok(sentence) }
    }
}

impl Watched {
    /// Those of this configuration.
    pub fn new(config: &Config, database: Database) -> Self {
        let redis = config.redis.as_ref().filter(|_| config.session.storage == SessionStorage::Redis);
        Self { database, redis: redis.and_then(|redis| RedisTarget::parse(redis.url.expose()).ok()) }
    }

    /// Looks at all of them. One that is away has none to show.
    pub async fn look(&self) -> Vec<Certificate> {
        let mut seen = Vec::new();
        if let Some(end) = self.database.certificate_end() {
            seen.push(Certificate { server: "PostgreSQL".to_owned(), end });
        }
        if let Some(redis) = &self.redis {
            let ends = redis.certificate_ends(&Names::default()).await;
            seen.extend(ends.into_iter().map(|(server, end)| Certificate { server, end }));
        }
        seen
    }
}

/// Looks at certificates for ever, and warns.
pub async fn watch(watched: Watched, clock: Arc<dyn Clock>) {
    loop {
        for certificate in watched.look().await {
            let server = certificate.server.clone();
            let name = "signupflow_certificate_end_timestamp_seconds";
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit for millions of years")]
            metrics::gauge!(name, "server" => server).set(certificate.end.unix_seconds() as f64);
            if let Err(sentence) = certificate.judge(clock.now()) {
                tracing::warn!("{sentence}: renew it");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_within_two_weeks_is_an_alarm() {
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let ends_in = |hours: u64| {
            let end = now + Duration::from_hours(hours);
            Certificate { server: "PostgreSQL".to_owned(), end }.judge(now)
        };
        assert!(ends_in(14 * 24).is_ok_and(|sentence| sentence.ends_with("in 14 days")));
        assert!(ends_in(14 * 24 - 1).is_err_and(|sentence| sentence.ends_with("in 13 days")));
        assert!(ends_in(0).is_err_and(|sentence| sentence.contains("ended at")));
    }
}
