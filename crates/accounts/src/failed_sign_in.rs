//! What a failed sign-in leaves behind: its audit row, the consecutive count, locks, and the mail with the
//! unlock link.

use hardening::audit::{Action, Changes, Resource};
use hardening::clock::Timestamp;
use hardening::email::EmailAddress;
use hardening::lockout::{Budget, Settled};
use hardening::one_time_token::Purpose;
use hardening::rate_limit::Per;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::locked_out;
use crate::error::Error;
use crate::mailed_link::mailed_link;
use crate::model::{Lock, Person};
use crate::outbox::{Content, Mail};
use crate::ports::{FailedSignIn, OneTimeGrant};
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
    let locks: Vec<Lock> = settled
        .locked
        .into_iter()
        .map(|(budget, until)| lock(context, person, email, budget, until, now))
        .collect();
    let account_is_locked = locks.iter().any(|lock| lock.kind != Per::Ip.label());
    let locked_out = person.filter(|_| account_is_locked);
    let (unlock_grant, mail) = locked_out.and_then(|person| unlock_mail(services, context, person)).unzip();
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

fn lock(
    context: &RequestContext,
    person: Option<&Person>,
    email: &EmailAddress,
    budget: Budget,
    until: Timestamp,
    now: Timestamp,
) -> Lock {
    let by_address = budget.scope == Per::Ip;
    let owner = person.filter(|_| !by_address);
    Lock {
        kind: budget.scope.label().to_owned(),
        org_id: owner.map(|person| person.org_id.clone()),
        person_id: owner.map(|person| person.id.clone()),
        subject: if by_address { context.address_bucket.clone() } else { email.typed.clone() },
        failures: budget.limit,
        locked_at: now,
        locked_until: until,
        key: budget.key,
    }
}

fn unlock_mail(
    services: &Services,
    context: &RequestContext,
    person: &Person,
) -> Option<(OneTimeGrant, Mail)> {
    let settings = &services.settings;
    mailed_link(services, person, Purpose::Unlock, settings.mailed_link_ttl, |unlock_token| {
        Content::AccountLocked {
            unlock_token,
            locked_for_seconds: settings.lockout_duration.as_secs(),
            ip_address: context.ip_address.clone(),
        }
    })
}
