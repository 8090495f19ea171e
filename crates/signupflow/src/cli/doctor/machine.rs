//! The machine and its neighbours: hashing speed, Redis, proxies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backends::redis::{LinkOptions, RedisLink, RedisTarget};
use hardening::entropy::OsEntropy;
use hardening::password::HashPool;
use hardening::secret::Secret;

use super::{Check, Fault};
use crate::config::{Config, SessionStorage};
use crate::wiring::StartError;

/// A sign-in that takes longer is noticed; NIST SP 800-63B-4, 3.1.1.2 asks for as much cost as is practical.
const SLOWEST_HASH: Duration = Duration::from_secs(1);

pub(super) async fn examine(config: &Config) -> Vec<Check> {
    vec![hashing(config).await, redis(config).await, client_address(config)]
}

async fn hashing(config: &Config) -> Check {
    const ID: &str = "hash_speed";
    const TITLE: &str = "Password hashing";
    let pool = HashPool::start(config.password.argon2, None, 1, 1, Arc::new(OsEntropy));
    let begun = Instant::now();
    if pool.hash(Secret::new("a password of the usual length".to_owned())).await.is_err() {
        let fix = "see that the machine has memory and processor time to spare";
        return Check::fail(ID, TITLE, "no password could be hashed", fix);
    }
    let took = begun.elapsed();
    let detail = format!("{} ms a password", took.as_millis());
    if took > SLOWEST_HASH {
        let fix = "give the machine more processor time and memory: sign-ins will be slow, and few at once";
        return Check::fail(ID, TITLE, detail, fix);
    }
    Check::pass(ID, TITLE, detail)
}

async fn redis(config: &Config) -> Check {
    const ID: &str = "redis";
    const TITLE: &str = "Sessions and counters";
    let Some(redis) = config.redis.as_ref().filter(|_| config.session.storage == SessionStorage::Redis)
    else {
        return Check::pass(ID, TITLE, "in process: run one node only");
    };
    let options =
        LinkOptions { refuse_eviction: config.deployment.is_production(), ..LinkOptions::default() };
    let Ok(target) = RedisTarget::parse(redis.url.expose()) else {
        return Check::fail(ID, TITLE, "REDIS_URL cannot be read", "mend it")
            .because_of(Fault::Configuration);
    };
    match RedisLink::connect(target, options).await {
        Ok(link) => match link.ping().await {
            Ok(()) => {
                let warnings = link.warnings().into_iter().map(|warning| format!("; {warning}"));
                Check::pass(ID, TITLE, format!("in Redis, which answers{}", warnings.collect::<String>()))
            }
            Err(fault) => {
                Check::fail(ID, TITLE, fault.to_string(), "see that Redis runs and answers within 50 ms")
                    .because_of(Fault::Backend)
            }
        },
        Err(error) => {
            let fault = Fault::from(&StartError::from(error.clone()));
            Check::fail(ID, TITLE, error.to_string(), "see that REDIS_URL is right and Redis runs")
                .because_of(fault)
        }
    }
}

/// Which address the server would take for a client's.
fn client_address(config: &Config) -> Check {
    const ID: &str = "client_address";
    const TITLE: &str = "Client addresses";
    let network = &config.network;
    let proxies = &network.trusted_proxies;
    let behind_proxy = network.public_url.is_https() && network.bind_address.ip().is_loopback();
    if !proxies.ranges.is_empty() {
        let ranges: Vec<String> = proxies.ranges.iter().map(ToString::to_string).collect();
        if behind_proxy && !proxies.contains(network.bind_address.ip()) {
            return Check::fail(
                ID,
                TITLE,
                format!(
                    "the server listens on {} only, where the proxy's own address is a loopback one, which \
                     TRUSTED_PROXIES ({}) does not hold",
                    network.bind_address,
                    ranges.join(", ")
                ),
                format!("add {} to TRUSTED_PROXIES", network.bind_address.ip()),
            );
        }
        return Check::pass(
            ID,
            TITLE,
            format!("those that {} tell in {:?}", ranges.join(", "), proxies.header),
        );
    }
    if behind_proxy {
        return Check::fail(
            ID,
            TITLE,
            format!(
                "PUBLIC_URL is https, so a proxy stands before the server, but it is not believed: all \
                 clients would count as {}",
                network.bind_address.ip()
            ),
            format!("set TRUSTED_PROXIES={}", network.bind_address.ip()),
        );
    }
    Check::pass(ID, TITLE, "the address a connection comes from; no forwarding header is believed")
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;
    use std::collections::BTreeMap;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let keys = crate::config::generated::env_lines(&OsEntropy);
        let mut settings = crate::config::dotenv::parse(&keys).expect("own lines");
        let pairs: BTreeMap<_, _> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        settings.extend(pairs);
        Config::load(&settings).expect("sound").config
    }

    #[test]
    fn an_unbelieved_proxy_is_found() {
        let outcome = |pairs: &[(&str, &str)]| client_address(&config(pairs)).outcome;
        assert_eq!(outcome(&[]), Outcome::Pass);
        let https = ("PUBLIC_URL", "https://example.org");
        assert_eq!(outcome(&[https]), Outcome::Fail);
        assert_eq!(outcome(&[https, ("TRUSTED_PROXIES", "10.0.0.0/8")]), Outcome::Fail);
        assert_eq!(outcome(&[https, ("TRUSTED_PROXIES", "127.0.0.1")]), Outcome::Pass);
        assert_eq!(outcome(&[https, ("BIND_ADDRESS", "0.0.0.0:8000")]), Outcome::Pass);
    }

    #[tokio::test]
    async fn redis_is_asked_where_it_is_used() {
        let nobody = format!("redis://127.0.0.1:{}", testkit::free_port::free_tcp_port());
        let away = ("REDIS_URL", nobody.as_str());
        assert_eq!(redis(&config(&[away])).await.outcome, Outcome::Fail);
        assert_eq!(redis(&config(&[away, ("SESSION_STORAGE", "memory")])).await.outcome, Outcome::Pass);
        let there = testkit::redis::Redis::shared().fresh_database();
        assert_eq!(redis(&config(&[("REDIS_URL", &there)])).await.outcome, Outcome::Pass);
    }
}
