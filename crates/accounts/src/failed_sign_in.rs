//! What a failed sign-in leaves behind: its audit row, the consecutive count, locks, and the mail with the
//! unlock link.

use hardening::audit::{Action, Changes, Resource};
use hardening::email::EmailAddress;
use hardening::lockout::Settled;
use hardening::rate_limit::Per;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::locked_out;
use crate::error::Error;
use crate::model::{Lock, Person};
use crate::new_locks::{self, unlock_mail};
use crate::ports::FailedSignIn;
use crate::services::Services;
use crate::sign_in::Source;

pub(crate) async fn record_failure(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    person: Option<&Person>,
    email: &EmailAddress,
    source: &Source,
    settled: Settled,
) -> Result<(), Error> {
    let now = services.clock.now();
    let resource = person.map_or_else(
        || Resource::new("account", source.account_key.clone()),
        |person| Resource::new("person", person.id.clone()).named(person.name.clone()),
    );
    let failed =
        Happening::refused(Action::AuthLoginFailed, resource.clone(), "wrong e-mail address or password");
    let mut trail = services.trail(context, actor, failed);
    for (budget, until) in &settled.locked {
        let (actor, resource) = locked_out(context, budget, actor, &resource);
        let changes = Changes::new().field("locked_until", serde_json::Value::Null, until.to_string());
        let why = format!("{} failed sign-ins, counted per {}", budget.limit, budget.scope.label());
        let happening = Happening::refused(Action::AuthAccountLocked, resource, why).changing(changes);
        trail = services.trail_and(trail, context, &actor, happening);
    }
    let locking = settled.locked.iter().map(|(budget, _)| budget).find(|budget| budget.scope != Per::Ip);
    let account_is_locked = locking.is_some();
    let told = person.zip(locking);
    let (unlock_grant, mail) =
        told.and_then(|(person, budget)| unlock_mail(services, context, person, budget)).unzip();
    let lock = |(budget, until)| new_locks::lock(context, person, &email.typed, budget, until, now);
    let locks: Vec<Lock> = settled.locked.into_iter().map(lock).collect();
    let revokes = account_is_locked && services.settings.lockout_revokes_sessions;
    let change = FailedSignIn {
        person_id: person.map(|person| person.id.clone()),
        account_key: source.device.is_none().then(|| source.account_key.clone()),
        locks,
        unlock_grant,
        raise_epoch: revokes,
        at: now,
    };
    services.accounts.record_failed_sign_in(change, trail, mail.into_iter().collect()).await?;
    if let Some(person) = person.filter(|_| revokes) {
        services.sessions.end_all_of(&person.id, None).await?;
    }
    Ok(())
}
