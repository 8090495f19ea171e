//! Do certificates of the servers behind last?

use std::time::Duration;

use hardening::clock::{Clock as _, SystemClock};

use super::Check;
use crate::certificates::Watched;
use crate::config::Config;
use crate::wiring::open_database;

const PATIENCE: Duration = Duration::from_secs(10);
const ID: &str = "certificates";
const TITLE: &str = "Certificates of servers";

pub(super) async fn examine(config: &Config) -> Check {
    if config.database.is_embedded() && config.redis.is_none() {
        return Check::skip(ID, TITLE, "no server is reached over TLS");
    }
    tokio::time::timeout(PATIENCE, look(config))
        .await
        .unwrap_or_else(|_| Check::skip(ID, TITLE, "the servers do not answer"))
}

async fn look(config: &Config) -> Check {
    let Ok(database) = open_database(config).await else {
        return Check::skip(ID, TITLE, "the database cannot be opened");
    };
    let seen = Watched::new(config, database.clone()).look().await;
    database.close().await;
    let judged: Result<Vec<String>, String> =
        seen.iter().map(|certificate| certificate.judge(SystemClock.now())).collect();
    match judged {
        Ok(sentences) if sentences.is_empty() => Check::skip(ID, TITLE, "no server is reached over TLS"),
        Ok(sentences) => Check::pass(ID, TITLE, sentences.join("; ")),
        Err(sentence) => Check::fail(ID, TITLE, sentence, "renew it at that server"),
    }
}
