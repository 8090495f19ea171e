//! What the server does without being asked: following what other nodes and the command line ended or
//! lifted, and removing what has expired.

use std::time::Duration;

use hardening::clock::Timestamp;

use crate::error::Error;
use crate::services::Services;

/// How far each look reaches back over the last one, so that a slow commit or a clock a little behind is not
/// overlooked.
const OVERLAP: Duration = Duration::from_secs(10);

/// Applies what was ended or lifted since the session store last heard of it. The database is the truth: a
/// store that forgot an ending, or was restored from before it, is corrected here, because its own marks tell
/// how far back it must be told again. What cannot be told, because a part is away, keeps no other part waiting.
pub async fn follow_revocations(services: &Services) -> Result<(), Error> {
    let now = services.clock.now();
    let seen = services.revocation_mark.followed().await?;
    // Older sessions have expired, whatever became of them.
    let since = seen.oldest().unwrap_or(now - services.settings.session_ttl) - OVERLAP;
    let changes = services.accounts.changes_since(since).await?;
    let mut told = Ok(());
    for (person_id, epoch) in &changes.epochs {
        told = told.and(services.sessions.end_older_epochs(person_id, *epoch).await.map(drop));
    }
    for (person_id, session_id) in &changes.ended {
        told = told.and(services.sessions.end(person_id, session_id).await.map(drop));
    }
    if services.settings.counters_in_process {
        drop_lifted(services, changes.lifted, since).await?;
    }
    // The next look tells again what could not be told now.
    told?;
    // If a mark moved meanwhile, another node was faster, or the store went back: the next look tells.
    services.revocation_mark.set_followed(&seen, now).await?;
    Ok(())
}

/// Counters that several processes share are cleared by whoever lifts a lock; those of this process only here.
async fn drop_lifted(
    services: &Services,
    lifted: Vec<(String, Timestamp)>,
    since: Timestamp,
) -> Result<(), Error> {
    let news: Vec<String> = lifted
        .into_iter()
        .filter(|(key, at)| services.lifted_locks.note(key, *at))
        .map(|(key, _)| key)
        .collect();
    if !news.is_empty() {
        services.gate.clear(&news).await?;
    }
    services.lifted_locks.forget_before(since - OVERLAP);
    Ok(())
}

/// Removes rows nobody needs any more; returns how many.
pub async fn purge(services: &Services) -> Result<u64, Error> {
    let kept_from = services.settings.consecutive_failures_max;
    Ok(services.accounts.purge_expired(services.clock.now(), kept_from).await?)
}
