//! What operators do with mails that were given up. Audited as `cli:<os user>`.

use hardening::audit::{Action, Changes, Resource, SYSTEM_ORGANIZATION};

use crate::audit_trail::{Actor, Happening};
use crate::error::{Error, Refusal};
use crate::operator::context;
use crate::ports::{MailStatus, OutboxRow};
use crate::services::Services;

/// So many are retried at once.
const BATCH: u32 = 1000;

/// Has a mail that was given up wait again. Refuses what is not dead, and what is not worth sending any more
/// ([`Refusal::Conflict`]).
pub async fn retry(services: &Services, os_user: &str, id: &str) -> Result<(), Error> {
    let row = services.outbox.find(id).await?.ok_or(Refusal::NotFound("mail"))?;
    revive(services, os_user, &row).await
}

/// Has up to a thousand mails that were given up, and are worth sending still, wait again; the newest of them.
/// Returns their ids.
pub async fn retry_all_dead(services: &Services, os_user: &str) -> Result<Vec<String>, Error> {
    let now = services.clock.now();
    let dead = services.outbox.list_of(MailStatus::Dead, BATCH).await?;
    let mut retried = Vec::new();
    for row in dead.into_iter().filter(|row| row.expires_at > now) {
        match revive(services, os_user, &row).await {
            Ok(()) => retried.push(row.id),
            // Somebody else was faster.
            Err(Error::Refused(Refusal::Conflict)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(retried)
}

async fn revive(services: &Services, os_user: &str, row: &OutboxRow) -> Result<(), Error> {
    let org_id = match &row.person_id {
        Some(person_id) => {
            services.accounts.credentials_of(person_id).await?.map(|known| known.person.org_id)
        }
        None => None,
    };
    let actor = Actor::operator(os_user, org_id.as_deref().unwrap_or(SYSTEM_ORGANIZATION));
    let happening = Happening::done(Action::MailRetried, Resource::new("mail", &*row.id))
        .changing(Changes::new().field("status", row.status.as_str(), MailStatus::Waiting.as_str()));
    let trail = services.trail(&context(services), &actor, happening);
    services.outbox.revive(&row.id, services.clock.now(), trail).await
}
