//! A credential that is given again by somebody who is known: passwords inside a session, counted per person.

use hardening::audit::{Action, Resource};
use hardening::clock::Timestamp;
use hardening::lockout::Budget;
use hardening::password::Verdict;
use hardening::rate_limit::{Per, SESSION_PASSWORD_CHECK};
use hardening::secret::Secret;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::credential_check::{Counted, budgets, open_gate, settle};
use crate::error::{Error, Refusal};
use crate::model::{Credentials, Lock, Person};
use crate::new_locks::kind_of;
use crate::ports::FailedSignIn;
use crate::services::Services;

/// Who gives a credential again, and how failures are told of them.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) actor: Actor,
    /// The session, or the account where there is none yet.
    pub(crate) resource: Resource,
    pub(crate) org_id: String,
    pub(crate) person_id: String,
    /// What an admin recognises a lock by.
    pub(crate) email: String,
}

impl Asker {
    /// Somebody signed in.
    pub(crate) fn principal(principal: &Principal) -> Self {
        Self {
            actor: Actor::principal(principal),
            resource: Resource::new("session", principal.session.id.as_str()),
            org_id: principal.org_id().to_owned(),
            person_id: principal.person_id().to_owned(),
            email: principal.session.email.clone(),
        }
    }

    /// Somebody whose password was right, but who is not signed in yet.
    pub(crate) fn person(person: &Person) -> Self {
        Self {
            actor: Actor::person(person),
            resource: Resource::new("person", &*person.id).named(&*person.name),
            org_id: person.org_id.clone(),
            person_id: person.id.clone(),
            email: person.email.clone().unwrap_or_default(),
        }
    }

    /// Locks that failures of theirs led to.
    pub(crate) fn locks(&self, locked: Vec<(Budget, Timestamp)>, now: Timestamp) -> Vec<Lock> {
        let lock = |(budget, until): (Budget, Timestamp)| Lock {
            kind: kind_of(&budget).to_owned(),
            key: budget.key,
            org_id: Some(self.org_id.clone()),
            person_id: Some(self.person_id.clone()),
            subject: self.email.clone(),
            failures: budget.limit,
            locked_at: now,
            locked_until: until,
        };
        locked.into_iter().map(lock).collect()
    }
}

/// Checks a password inside a session, see [`check_again`].
pub(crate) async fn check_in_session(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    password: Secret<String>,
) -> Result<Credentials, Error> {
    check_again(services, context, &Asker::principal(principal), password).await
}

/// Checks a password of somebody who gave it before, counted per person (contract section 5): a wrong one is 403,
/// too many are 429, and the session stays either way.
pub(crate) async fn check_again(
    services: &Services,
    context: &RequestContext,
    asker: &Asker,
    password: Secret<String>,
) -> Result<Credentials, Error> {
    let credentials =
        services.accounts.credentials_of(&asker.person_id).await?.ok_or(Refusal::Unauthenticated)?;
    let counted = [Counted { per: Per::Person, identifier: &asker.person_id }];
    let wanted = budgets(services, SESSION_PASSWORD_CHECK, &counted);
    let reservation = open_gate(services, context, &asker.actor, wanted).await?;
    match services.hashing.verify(&reservation, password, credentials.password_hash.clone()).await {
        Err(_busy) => {
            reservation.withdrawn().await;
            Err(Refusal::Busy.into())
        }
        Ok(Verdict::Mismatch) => {
            let settled = settle(context, reservation, false).await?;
            let what = WrongAgain {
                action: Action::AuthLoginFailed,
                why: "wrong password inside a session",
                too_many: "too many wrong passwords inside a session",
            };
            record_wrong_again(services, context, asker, what, settled.locked).await?;
            Err(Refusal::WrongPassword.into())
        }
        Ok(Verdict::Match | Verdict::MatchOutdated) => {
            settle(context, reservation, true).await?;
            Ok(credentials)
        }
    }
}

/// What was wrong, in words of the trail.
pub(crate) struct WrongAgain {
    pub(crate) action: Action,
    pub(crate) why: &'static str,
    pub(crate) too_many: &'static str,
}

/// Puts a wrong credential of somebody known on record, with the locks it led to.
pub(crate) async fn record_wrong_again(
    services: &Services,
    context: &RequestContext,
    asker: &Asker,
    what: WrongAgain,
    locked: Vec<(Budget, Timestamp)>,
) -> Result<(), Error> {
    let now = services.clock.now();
    let wrong = Happening::refused(what.action, asker.resource.clone(), what.why);
    let mut trail = services.trail(context, &asker.actor, wrong);
    if !locked.is_empty() {
        let why = Happening::refused(Action::AuthAccountLocked, asker.resource.clone(), what.too_many);
        trail = services.trail_and(trail, context, &asker.actor, why);
    }
    let change = FailedSignIn {
        person_id: Some(asker.person_id.clone()),
        account_key: None,
        locks: asker.locks(locked, now),
        unlock_grant: None,
        raise_epoch: false,
        at: now,
    };
    services.accounts.record_failed_sign_in(change, trail, Vec::new()).await
}
