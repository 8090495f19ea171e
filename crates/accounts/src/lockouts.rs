//! Lifting locks: by the mailed link, by an admin; and the list of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hardening::audit::{Action, Changes, Resource};
use hardening::clock::Timestamp;
use hardening::email::EmailAddress;
use hardening::lockout::Budget;
use hardening::one_time_token::{Purpose, TokenHash};
use hardening::rate_limit::{Per, SESSION_CODE_CHECK, SESSION_PASSWORD_CHECK};

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::credential_check::{Counted, LOGIN_ROUTE, SECOND_STEP_ROUTE, account_key, budgets};
use crate::error::{Error, Refusal};
use crate::model::{Lock, LockPage, Person};
use crate::services::Services;

/// Which lifted locks this process has already dropped from its gate: dropping one twice would give whoever
/// is guessing a second fresh budget.
#[derive(Debug, Default)]
pub struct LiftedLocks(Mutex<HashMap<String, Timestamp>>);

impl LiftedLocks {
    /// Notes a lifting; false when it (or a later one) is known already.
    pub fn note(&self, key: &str, at: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(key).is_some_and(|last| *last >= at) {
            return false;
        }
        known.insert(key.to_owned(), at);
        true
    }

    /// Forgets old ones, which no look will report again.
    pub fn forget_before(&self, time: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at >= time);
    }
}

/// The locks on accounts of the admin's organization.
pub async fn list(services: &Services, principal: &Principal, page: &LockPage) -> Result<Vec<Lock>, Error> {
    principal.require_admin()?;
    let now = services.clock.now();
    Ok(services.accounts.locks_of_organization(principal.org_id(), now, page).await?)
}

/// What unlocking says where it let everybody in again.
pub const OPEN_AGAIN: &str = "The account is open again; you can sign in.";
/// What opens an account once too many sign-ins failed in a row.
pub const STRANGERS_STAY_OUT: &str = "Too many sign-ins failed in a row: unknown devices stay locked out until \
the password is reset or changed. A device that signed in before still can, and can change the password.";

/// Spends a mailed unlock link. Says whether unknown devices may sign in again: not after too many consecutive
/// failures, until the password is reset or changed (NIST SP 800-63B-4, 3.2.2).
pub async fn unlock_by_link(
    services: &Services,
    context: &RequestContext,
    token: &str,
) -> Result<bool, Error> {
    let (hash, person) = owner_of(services, token, Purpose::Unlock).await?;
    let trail = services.trail(context, &Actor::person(&person), lifted(&person, "mailed link"));
    let now = services.clock.now();
    let keys = services.accounts.redeem_unlock(&hash, now, trail).await?;
    drop_from_gate(services, &keys, now).await?;
    open_to_strangers(services, &person).await
}

/// A person whose locks are gone.
#[derive(Clone, Debug)]
pub struct Unlocked {
    /// As they are now.
    pub person: Person,
    /// Whether unknown devices may sign in again; else see [`STRANGERS_STAY_OUT`].
    pub open_to_strangers: bool,
}

/// Whether so few sign-ins failed in a row that unknown devices may try.
pub(crate) async fn open_to_strangers(services: &Services, person: &Person) -> Result<bool, Error> {
    let Some(key) = key_of(person) else { return Ok(true) };
    let failures = services.accounts.consecutive_failures(&key).await?;
    Ok(failures < services.settings.consecutive_failures_max)
}

/// Spends a mailed "this wasn't me" link: the account is locked until an admin opens it, and every session ends.
/// A reset does not open it: whoever changed the password may read the mailbox.
pub async fn lock_by_link(services: &Services, context: &RequestContext, token: &str) -> Result<(), Error> {
    let (hash, person) = owner_of(services, token, Purpose::NotMe).await?;
    let locked =
        Happening::done(Action::AuthAccountLocked, Resource::new("person", &*person.id).named(&*person.name))
            .changing(Changes::new().field("status", person.status.as_str(), "locked"));
    let trail = services.trail(context, &Actor::person(&person), locked);
    services.accounts.redeem_not_me(&hash, services.clock.now(), trail).await?;
    services.sessions.end_all_of(&person.id, None).await?;
    Ok(())
}

/// Whether a mailed link of this kind works. Spends nothing.
pub async fn link_works(services: &Services, token: &str, purpose: Purpose) -> Result<bool, Error> {
    match owner_of(services, token, purpose).await {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(fault) => Err(fault),
    }
}

async fn owner_of(services: &Services, token: &str, purpose: Purpose) -> Result<(TokenHash, Person), Error> {
    let hash = TokenHash::of(token).ok_or(Refusal::TokenInvalid)?;
    let now = services.clock.now();
    let person_id = services.accounts.peek_token(&hash, purpose, now).await?.ok_or(Refusal::TokenInvalid)?;
    let known = services.accounts.credentials_of(&person_id).await?.ok_or(Refusal::TokenInvalid)?;
    Ok((hash, known.person))
}

/// Lifts every lock of a person for failed attempts, and starts their counts over: a lock that nobody has met yet,
/// because it came of attempts that were never judged, is known to the gate alone. The caller has checked who asks.
pub(crate) async fn lift_all(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    person: &Person,
    by: &str,
) -> Result<(), Error> {
    let mut keys = services.accounts.lock_keys_of(&person.id).await?;
    let wanted = budgets_of_person(services, person);
    let is_locked = services.gate.state(&wanted).await?.iter().any(|state| state.blocked_until.is_some());
    let trail = || services.trail(context, actor, lifted(person, by));
    let now = services.clock.now();
    if !services.accounts.lift_locks(&person.id, now, trail()).await? && is_locked {
        services.audit.append(trail()).await?;
    }
    keys.extend(keys_of(&wanted));
    keys.sort_unstable();
    keys.dedup();
    services.accounts.tell_lifted(&keys, now).await?;
    drop_from_gate(services, &keys, now).await
}

/// All budgets that are a person's own, but for those of devices.
fn budgets_of_person(services: &Services, person: &Person) -> Vec<Budget> {
    let account_key = key_of(person).unwrap_or_else(|| person.id.clone());
    let mut all = budgets_of_account(services, &account_key);
    let counted = [Counted { per: Per::Person, identifier: &person.id }];
    for route in [SESSION_PASSWORD_CHECK, SESSION_CODE_CHECK] {
        all.extend(budgets(services, route, &counted));
    }
    all
}

/// Drops lifted locks from the gate at once, without waiting for the next look at the database.
pub(crate) async fn drop_from_gate(services: &Services, keys: &[String], at: Timestamp) -> Result<(), Error> {
    for key in keys {
        services.lifted_locks.note(key, at);
    }
    Ok(services.gate.clear(keys).await?)
}

fn lifted(person: &Person, by: &str) -> Happening {
    Happening::done(Action::AuthAccountUnlocked, Resource::new("person", &*person.id).named(&*person.name))
        .changing(Changes::new().field("unlocked_by", serde_json::Value::Null, by))
}

/// What the person's sign-ins are counted by.
pub(crate) fn key_of(person: &Person) -> Option<String> {
    let email = EmailAddress::parse(person.email.as_deref()?).ok()?;
    Some(account_key(&email.canonical))
}

/// The budgets of whoever has, or will have, the address behind this key, but for those of devices.
pub(crate) fn budgets_of_account(services: &Services, account_key: &str) -> Vec<Budget> {
    let counted = [Counted { per: Per::Account, identifier: account_key }];
    let of = |route| budgets(services, route, &counted);
    [LOGIN_ROUTE, SECOND_STEP_ROUTE].into_iter().flat_map(of).collect()
}

/// The keys of these budgets, in the order in which locks are stored and lifted.
pub(crate) fn keys_of(budgets: &[Budget]) -> Vec<String> {
    let mut keys: Vec<String> = budgets.iter().map(|budget| budget.key.clone()).collect();
    keys.sort_unstable();
    keys
}
