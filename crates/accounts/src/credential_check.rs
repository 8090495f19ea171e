//! The one way a password is checked: locks, then the gate, then the hash. Nothing else in this crate can
//! reach the hash, because verifying needs the gate's reservation.

use hardening::audit::{Action, Resource};
use hardening::clock::Timestamp;
use hardening::lockout::{Budget, Denied, DeniedKind, Reservation, Settled};
use hardening::rate_limit::{Algorithm, Decision, Per};
use sha2::{Digest, Sha256};
use wording::Message;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::error::{Error, Refusal};
use crate::new_locks;
use crate::refusal_record::put_on_record;
use crate::services::Services;

/// The route of the second step of a sign-in.
pub const SECOND_STEP_ROUTE: &str = "/api/auth/2fa/verify";

/// The sign-in route, whose rules sign-ins follow also from pages and the command line.
pub const LOGIN_ROUTE: &str = "/api/auth/login";

/// What an account is counted by: a digest of the canonical address, known or not, so that neither counters
/// nor locks spell addresses out.
pub fn account_key(canonical_email: &str) -> String {
    let digest = Sha256::new().chain_update("account\0").chain_update(canonical_email).finalize();
    hardening::hex::lower(&digest[..16])
}

/// Whom a budget counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) per: Per,
    pub(crate) identifier: &'a str,
}

/// The budgets of a route for whom it counts, from the rule set.
pub(crate) fn budgets(services: &Services, route: &str, counted: &[Counted<'_>]) -> Vec<Budget> {
    let rules = services.rules.matching(Algorithm::SlidingWindow, "POST", route);
    let rules: Vec<_> = rules.map(|(rule, _)| rule).collect();
    let mut found = Vec::new();
    for who in counted {
        found.extend(
            rules.iter().filter(|rule| rule.per == who.per).map(|rule| Budget::of(rule, who.identifier)),
        );
    }
    found
}

/// Settles a judged attempt and reports how the limits stand then.
pub(crate) async fn settle(
    context: &RequestContext,
    reservation: Reservation,
    passed: bool,
) -> Result<Settled, Error> {
    let settled = if passed { reservation.succeeded().await? } else { reservation.failed().await? };
    context.limits.report(settled.tightest());
    Ok(settled)
}

/// Reserves a place in every budget, or says why not. Refusals are audited once per key and window.
pub(crate) async fn open_gate(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    budgets: Vec<Budget>,
) -> Result<Reservation, Error> {
    let now = services.clock.now();
    let keys: Vec<String> = budgets.iter().map(|budget| budget.key.clone()).collect();
    let locks = services.accounts.active_locks(&keys, now).await?;
    if let Some(lock) = locks.iter().max_by_key(|lock| lock.locked_until) {
        let budget = budgets.iter().find(|budget| budget.key == lock.key);
        if let Some(budget) = budget {
            let refusal = locked(budget, lock.locked_until, now);
            context.limits.report(exhausted(budget, lock.locked_until, now));
            note_refusal(services, context, actor, budget, &refusal).await?;
            return Err(refusal.into());
        }
    }
    match services.gate.reserve(budgets).await? {
        Ok(reservation) => {
            context.limits.report(reservation.tightest());
            Ok(reservation)
        }
        Err(denied) => {
            context.limits.report(denied.decision());
            let refusal = denial(&denied, now);
            note_lapsed_lock(services, context, actor, &denied).await?;
            if !matches!(denied.kind, DeniedKind::Busy) {
                note_refusal(services, context, actor, &denied.budget, &refusal).await?;
            }
            Err(refusal.into())
        }
    }
}

/// Takes a place in budgets of requests whose answer must not tell how they stand. False when there is none: that goes
/// on record, and the answer stays the same.
pub(crate) async fn take_unseen(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    budgets: Vec<Budget>,
) -> Result<bool, Error> {
    match services.gate.reserve(budgets).await? {
        Ok(reservation) => {
            reservation.succeeded().await?;
            Ok(true)
        }
        Err(denied) => {
            let refusal = denial(&denied, services.clock.now());
            note_lapsed_lock(services, context, actor, &denied).await?;
            note_refusal(services, context, actor, &denied.budget, &refusal).await?;
            Ok(false)
        }
    }
}

/// A lock that came of attempts which nobody judged, because their server died, is found by whoever tries next. It
/// becomes a lock like any other: known to admins, lifted by the mailed link, on record.
async fn note_lapsed_lock(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    denied: &Denied,
) -> Result<(), Error> {
    if !denied.newly {
        return Ok(());
    }
    let locked = vec![(denied.budget.clone(), denied.until)];
    new_locks::record(services, context, actor, "attempts, not all of them judged", locked).await
}

fn exhausted(budget: &Budget, until: Timestamp, now: Timestamp) -> Decision {
    Decision {
        allowed: false,
        limit: budget.limit,
        remaining: 0,
        window: budget.window,
        reset_at: until,
        retry_after: Some(until.since(now)),
        policy: 0,
    }
}

fn denial(denied: &Denied, now: Timestamp) -> Refusal {
    let budget = &denied.budget;
    match denied.kind {
        DeniedKind::Locked => locked(budget, denied.until, now),
        DeniedKind::WindowFull => Refusal::RateLimited {
            detail: Message::new("detail-too-many-requests")
                .with("limit", budget.limit)
                .with("duration", budget.window),
            retry_after: denied.retry_after,
            limit: budget.limit,
            window: budget.window,
        },
        DeniedKind::Busy => Refusal::RateLimited {
            detail: Message::new("detail-others-checked"),
            retry_after: denied.retry_after,
            limit: budget.limit,
            window: budget.window,
        },
    }
}

fn locked(budget: &Budget, until: Timestamp, now: Timestamp) -> Refusal {
    let set = budget.lock_length();
    let (limit, window, retry_after) = (budget.limit, budget.window, until.since(now));
    match budget.scope {
        Per::Ip => Refusal::RateLimited {
            detail: Message::new("detail-address-blocked").with("duration", set),
            retry_after,
            limit,
            window,
        },
        Per::Token => Refusal::RateLimited {
            detail: Message::new("detail-link-blocked").with("duration", set),
            retry_after,
            limit,
            window,
        },
        scope => {
            let detail = match scope {
                Per::Device => Message::new("detail-locked-device"),
                // What helps against a lock for guessed passwords does not help against one for codes.
                Per::Account if !budget.key.ends_with(SECOND_STEP_ROUTE) => {
                    Message::new("detail-locked-but-known")
                }
                _ => Message::new("detail-locked"),
            };
            Refusal::Locked { detail: detail.with("duration", set), retry_after, limit, window }
        }
    }
}

/// The refusal of an account that stays locked until its password changes: told in the headers and put on
/// record like any other lock.
pub(crate) async fn refuse_for_good(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    budget: &Budget,
) -> Error {
    let now = services.clock.now();
    let retry_after = budget.lock_length();
    let refusal = Refusal::Locked {
        detail: Message::new("detail-locked-for-good").with("duration", retry_after),
        retry_after,
        limit: budget.limit,
        window: budget.window,
    };
    context.limits.report(exhausted(budget, now + retry_after, now));
    match note_refusal(services, context, actor, budget, &refusal).await {
        Ok(()) => refusal.into(),
        Err(error) => error,
    }
}

/// On record per key and window.
async fn note_refusal(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    budget: &Budget,
    refusal: &Refusal,
) -> Result<(), Error> {
    let refused = Happening::refused(
        Action::AuthRateLimited,
        Resource::new("rate_limit", without_address(budget)),
        refusal.to_string(),
    );
    put_on_record(services, context, actor, refused, &budget.key, budget.window).await
}

/// Whom the row of a lock is about: a network address that is blocked is nobody's account, whoever was guessed last.
pub(crate) fn locked_out(
    context: &RequestContext,
    budget: &Budget,
    actor: &Actor,
    resource: &Resource,
) -> (Actor, Resource) {
    if budget.scope == Per::Ip {
        let block = Resource::new("rate_limit", without_address(budget)).named(&*context.address_bucket);
        return (Actor::anonymous(""), block);
    }
    (actor.clone(), resource.clone())
}

/// The budget's key without the network or e-mail address in it: what a leaf of the trail spells out can never be
/// erased. The row has its columns for addresses.
pub(crate) fn without_address(budget: &Budget) -> String {
    let key = &budget.key;
    let label = budget.scope.label();
    match (budget.scope, key.split_once(&format!("{{{label}:")), key.split_once('}')) {
        (Per::Ip | Per::Email, Some((start, _)), Some((_, route))) => format!("{start}{{{label}}}{route}"),
        _ => key.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn keys_in_the_trail_spell_no_address_out() {
        let budget = |scope, key: &str| Budget {
            key: key.to_owned(),
            scope,
            counts: hardening::rate_limit::Count::Failures,
            limit: 5,
            window: Duration::from_mins(5),
            lockout: None,
        };
        for (scope, key, shown) in [
            (Per::Ip, "rate_limit:{ip:2001:db8::/64}:/api/auth/login", "rate_limit:{ip}:/api/auth/login"),
            (Per::Email, "rate_limit:{email:ann@example.com}:/x", "rate_limit:{email}:/x"),
            (Per::Account, "rate_limit:{account:00ff}:/x", "rate_limit:{account:00ff}:/x"),
            (Per::Person, "rate_limit:{person_1}:/x", "rate_limit:{person_1}:/x"),
        ] {
            assert_eq!(without_address(&budget(scope, key)), shown);
        }
    }

    #[test]
    fn account_keys_are_stable_and_say_nothing() {
        assert_eq!(account_key("ann@example.com"), account_key("ann@example.com"));
        assert_ne!(account_key("ann@example.com"), account_key("bob@example.com"));
        assert_eq!(account_key("ann@example.com").len(), 32);
    }
}
