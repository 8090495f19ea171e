//! Who of an organization must have a second factor: read and set by its admins.

use hardening::audit::{Action, Changes, Resource};

use super::policy::TwoFactorPolicy;
use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::model::{Page, Person};
use crate::organizations;
use crate::ports::StoredPolicy;
use crate::services::Services;

/// A policy with those it may concern.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What is asked for.
    pub policy: TwoFactorPolicy,
    /// A page of the active people without a second factor, whether it concerns them or not.
    pub people_without: Vec<Person>,
    /// How many there are.
    pub total_without: i64,
}

/// As an admin, the policy and a page of the people without a second factor.
pub async fn overview(
    services: &Services,
    principal: &Principal,
    org_id: &str,
    page: &Page,
) -> Result<Overview, Error> {
    organizations::get(services, principal, org_id).await?;
    principal.require_admin()?;
    let stored = services.two_factor_policies.policy_of(org_id).await?;
    seen(services, stored.map(|stored| stored.policy).unwrap_or_default(), org_id, page).await
}

async fn seen(
    services: &Services,
    policy: TwoFactorPolicy,
    org_id: &str,
    page: &Page,
) -> Result<Overview, Error> {
    let people_without = services.two_factor_policies.people_without(org_id, page).await?;
    let total_without = services.two_factor_policies.count_without(org_id).await?;
    Ok(Overview { policy, people_without, total_without })
}

/// As an admin, sets the policy. It may concern the admin, who must then enrol before anything else.
pub async fn set(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    org_id: &str,
    wanted: TwoFactorPolicy,
    page: &Page,
) -> Result<Overview, Error> {
    let organization = organizations::get(services, principal, org_id).await?;
    principal.require_fresh_admin(services)?;
    let wanted = judged(wanted)?;
    let stored = services.two_factor_policies.policy_of(org_id).await?;
    let seen_at = stored.as_ref().map(|stored| stored.updated_at);
    let before = stored.map(|stored| stored.policy).unwrap_or_default();
    let time = |policy: &TwoFactorPolicy| policy.deadline.map(|deadline| deadline.to_string());
    let changes = Changes::new()
        .field_if_changed("require", before.require, wanted.require)
        .field_if_changed("roles", before.roles.clone(), wanted.roles.clone())
        .field_if_changed("deadline", time(&before), time(&wanted));
    if !changes.is_empty() {
        let resource = Resource::new("organization", org_id).named(&*organization.name);
        let done = Happening::done(Action::OrganizationRequireTwoFactorChanged, resource).changing(changes);
        let trail = services.trail(context, &Actor::principal(principal), done);
        let now = services.clock.now();
        // Later than what was read, so that two versions never look alike.
        let updated_at = seen_at.map_or(now, |seen| now.max(seen + std::time::Duration::from_micros(1)));
        let fresh = StoredPolicy { org_id: org_id.to_owned(), policy: wanted.clone(), updated_at };
        services.two_factor_policies.set_policy(&fresh, seen_at, trail).await?;
        services.policies.note(fresh);
    }
    seen(services, wanted, org_id, page).await
}

/// Without a requirement there is nothing to narrow or to wait for.
fn judged(mut wanted: TwoFactorPolicy) -> Result<TwoFactorPolicy, Refusal> {
    let mut judge = Judge::new();
    if !wanted.roles.is_empty() {
        wanted.roles = judge.roles("roles", &wanted.roles);
    }
    if !wanted.require && !wanted.roles.is_empty() {
        judge.refuse("roles", "make sense only with require = true");
    }
    if !wanted.require && wanted.deadline.is_some() {
        judge.refuse("deadline", "makes sense only with require = true");
    }
    judge.verdict()?;
    Ok(wanted)
}
