//! What the server does without being asked: following what other nodes and the command line ended or
//! lifted, and removing what has expired.

use std::time::Duration;

use hardening::clock::Timestamp;

use crate::error::Error;
use crate::services::Services;

/// How far each look reaches back over the last one, so that a slow commit or a clock a little behind is not
/// overlooked.
const OVERLAP: Duration = Duration::from_secs(10);

/// Applies what was ended or lifted since the last look; returns when this look began. The database is the
/// truth: a session store that forgot an ending is corrected here.
pub async fn follow_revocations(services: &Services, last_look: Timestamp) -> Result<Timestamp, Error> {
    let now = services.clock.now();
    let changes = services.accounts.changes_since(last_look - OVERLAP).await?;
    for (person_id, epoch) in &changes.epochs {
        services.sessions.end_older_epochs(person_id, *epoch).await?;
    }
    for (person_id, session_id) in &changes.ended {
        services.sessions.end(person_id, session_id).await?;
    }
    let news: Vec<String> = changes
        .lifted
        .into_iter()
        .filter(|(key, at)| services.lifted_locks.note(key, *at))
        .map(|(key, _)| key)
        .collect();
    if !news.is_empty() {
        services.gate.clear(&news).await?;
    }
    services.lifted_locks.forget_before(last_look - OVERLAP - OVERLAP);
    Ok(now)
}

/// Removes rows nobody needs any more; returns how many.
pub async fn purge(services: &Services) -> Result<u64, Error> {
    Ok(services.accounts.purge_expired(services.clock.now()).await?)
}
