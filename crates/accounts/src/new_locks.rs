//! Locks that an attempt led to: stored with their rows, and told to whom they lock out.

use hardening::audit::{Action, Changes, Resource, Trail};
use hardening::clock::Timestamp;
use hardening::lockout::Budget;
use hardening::one_time_token::Purpose;
use hardening::rate_limit::{Per, SESSION_CODE_CHECK};

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::{SECOND_STEP_ROUTE, locked_out, without_address};
use crate::error::Error;
use crate::mailed_link::mailed_link;
use crate::model::{Lock, Person};
use crate::outbox::{Content, Mail};
use crate::ports::{FailedSignIn, OneTimeGrant};
use crate::services::Services;
use crate::two_factor::notices::{self, News};

/// The kind of lock for wrong codes while signing in. A reset leaves locks for codes alone.
pub(crate) const SIGN_IN_CODES: &str = "second_factor";
/// The same inside a session.
pub(crate) const SESSION_CODES: &str = "session_codes";

/// What a lock of this budget is called.
pub(crate) fn kind_of(budget: &Budget) -> &'static str {
    if budget.key.ends_with(SECOND_STEP_ROUTE) {
        SIGN_IN_CODES
    } else if budget.key.ends_with(SESSION_CODE_CHECK) {
        SESSION_CODES
    } else {
        budget.scope.label()
    }
}

/// A lock on somebody who is known, or on an address, a link, an account that nobody has.
pub(crate) fn lock(
    context: &RequestContext,
    person: Option<&Person>,
    typed: &str,
    budget: Budget,
    until: Timestamp,
    now: Timestamp,
) -> Lock {
    let is_theirs = matches!(budget.scope, Per::Account | Per::Device | Per::Person);
    let owner = person.filter(|_| is_theirs);
    Lock {
        kind: kind_of(&budget).to_owned(),
        org_id: owner.map(|person| person.org_id.clone()),
        person_id: owner.map(|person| person.id.clone()),
        subject: match budget.scope {
            Per::Ip => context.address_bucket.clone(),
            Per::Token => "reset link".to_owned(),
            _ => typed.to_owned(),
        },
        failures: budget.limit,
        locked_at: now,
        locked_until: until,
        key: budget.key,
    }
}

/// Stores locks that no wrong credential led to: attempts that went well and are counted, or that nobody judged
/// because their server died. `what` says in the trail what was counted.
pub(crate) async fn record(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    what: &str,
    locked: Vec<(Budget, Timestamp)>,
) -> Result<(), Error> {
    let Some(trail) = trail_of(services, context, actor, what, &locked) else { return Ok(()) };
    let now = services.clock.now();
    let person = match actor.person_id() {
        Some(id) => services.accounts.credentials_of(id).await?.map(|known| known.person),
        None => None,
    };
    let (mut grants, mut mails) = (Vec::new(), Vec::new());
    for (person, (budget, _)) in person.iter().flat_map(|person| std::iter::repeat(person).zip(&locked)) {
        let (grant, told) = news(services, context, person, budget);
        grants.extend(grant);
        mails.extend(told);
    }
    // An attempt draws on the budget of an account or of a device, never of both.
    let unlock_grant = grants.pop();
    let revoked =
        person.as_ref().filter(|_| unlock_grant.is_some() && services.settings.lockout_revokes_sessions);
    let revoked = revoked.map(|person| person.id.clone());
    let lock = |(budget, until)| lock(context, person.as_ref(), actor.email(), budget, until, now);
    let change = FailedSignIn {
        locks: locked.into_iter().map(lock).collect(),
        person_id: person.as_ref().map(|person| person.id.clone()),
        account_key: None,
        unlock_grant,
        raise_epoch: revoked.is_some(),
        at: now,
    };
    services.accounts.record_failed_sign_in(change, trail, mails).await?;
    if let Some(person_id) = revoked {
        services.sessions.end_all_of(&person_id, None).await?;
    }
    Ok(())
}

/// A row for each lock; none without one.
fn trail_of(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    what: &str,
    locked: &[(Budget, Timestamp)],
) -> Option<Trail> {
    let mut happenings = locked.iter().map(|(budget, until)| {
        let resource = match actor.person_id() {
            Some(id) => Resource::new("person", id),
            None => Resource::new("rate_limit", without_address(budget)),
        };
        let (actor, resource) = locked_out(context, budget, actor, &resource);
        let changes = Changes::new().field("locked_until", serde_json::Value::Null, until.to_string());
        let why = format!("{} {what}, counted per {}", budget.limit, budget.scope.label());
        (actor, Happening::refused(Action::AuthAccountLocked, resource, why).changing(changes))
    });
    let (first_actor, first) = happenings.next()?;
    let trail = services.trail(context, &first_actor, first);
    Some(happenings.fold(trail, |trail, (actor, more)| services.trail_and(trail, context, &actor, more)))
}

/// What somebody is told of a lock of theirs.
fn news(
    services: &Services,
    context: &RequestContext,
    person: &Person,
    budget: &Budget,
) -> (Option<OneTimeGrant>, Vec<Mail>) {
    match kind_of(budget) {
        SIGN_IN_CODES | SESSION_CODES => (None, notices::mail(services, context, person, News::WrongCodes)),
        _ if matches!(budget.scope, Per::Account | Per::Device) => {
            let (grant, mail) = unlock_mail(services, context, person, budget).unzip();
            (grant, mail.into_iter().collect())
        }
        _ => (None, Vec::new()),
    }
}

/// The mail with the unlock link.
pub(crate) fn unlock_mail(
    services: &Services,
    context: &RequestContext,
    person: &Person,
    budget: &Budget,
) -> Option<(OneTimeGrant, Mail)> {
    let settings = &services.settings;
    mailed_link(services, person, Purpose::Unlock, settings.mailed_link_ttl, |unlock_token| {
        Content::AccountLocked {
            unlock_token,
            locked_for_seconds: budget.lock_length().as_secs(),
            known_device: budget.scope == Per::Device,
            ip_address: context.ip_address.clone(),
        }
    })
}

#[cfg(test)]
mod tests {
    use hardening::rate_limit::{RuleSet, SESSION_PASSWORD_CHECK, Settings};

    use super::*;

    #[test]
    fn locks_for_codes_have_kinds_of_their_own() {
        let rules = RuleSet::defaults(&Settings::default());
        let kinds = |route| -> Vec<_> {
            let of_route = rules.rules().iter().filter(|rule| rule.route == route);
            of_route.map(|rule| kind_of(&Budget::of(rule, "x"))).collect()
        };
        assert_eq!(kinds("/api/auth/login"), ["account", "device", "ip"]);
        assert_eq!(kinds(SECOND_STEP_ROUTE), [SIGN_IN_CODES]);
        assert_eq!(kinds(SESSION_CODE_CHECK), [SESSION_CODES]);
        assert_eq!(kinds(SESSION_PASSWORD_CHECK), ["person"]);
    }
}
