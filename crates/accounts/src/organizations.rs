//! The caller's own organization.

use hardening::audit::{Action, Changes, Resource, Trail};
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::model::{Organization, OrganizationSettings, Person};
use crate::people;
use crate::services::Services;

/// Fields to replace; `None` leaves a field as it is, `Some(None)` returns to the server's setting.
#[derive(Clone, Debug, Default)]
pub struct OrganizationPatch {
    /// 1 to 120 characters.
    pub name: Option<String>,
    /// At most 120 characters.
    pub region: Option<Option<String>>,
    /// Whether people may join without an invitation.
    pub open_signup: Option<bool>,
    /// 1 to 8760.
    pub session_ttl_hours: Option<Option<u32>>,
    /// 1 to 525,600.
    pub session_idle_minutes: Option<Option<u32>>,
    /// 1 to 100.
    pub session_max_per_user: Option<Option<u32>>,
}

/// The caller's organization.
pub async fn own(services: &Services, principal: &Principal) -> Result<Organization, Error> {
    services
        .organizations
        .get(principal.org_id())
        .await?
        .ok_or_else(|| Refusal::NotFound("organization").into())
}

/// The organization by id, if it is the caller's own.
pub async fn get(services: &Services, principal: &Principal, org_id: &str) -> Result<Organization, Error> {
    if org_id != principal.org_id() {
        return Err(Refusal::NotFound("organization").into());
    }
    own(services, principal).await
}

/// As an admin, replaces name, region and settings.
pub async fn update(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    org_id: &str,
    patch: OrganizationPatch,
) -> Result<Organization, Error> {
    let before = get(services, principal, org_id).await?;
    principal.require_fresh_admin(services)?;
    let after = apply(&before, patch)?;
    let (old, new) = (as_json(&before), as_json(&after));
    let mut changes = Changes::new();
    for field in
        ["name", "region", "open_signup", "session_ttl_hours", "session_idle_minutes", "session_max_per_user"]
    {
        changes = changes.field_if_changed(field, old[field].clone(), new[field].clone());
    }
    if changes.is_empty() {
        return Ok(before);
    }
    let done = Happening::done(Action::OrganizationUpdate, resource(&after)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.organizations.update(&before, &after, services.clock.now(), trail).await?;
    own(services, principal).await
}

fn apply(before: &Organization, patch: OrganizationPatch) -> Result<Organization, Refusal> {
    let mut judge = Judge::new();
    let name = patch.name.map_or_else(|| before.name.clone(), |raw| judge.line("name", &raw, 120));
    let region = match patch.region {
        None => before.region.clone(),
        Some(None) => None,
        Some(Some(raw)) => Some(judge.line("region", &raw, 120)),
    };
    let old = before.settings;
    let settings = OrganizationSettings {
        open_signup: patch.open_signup.unwrap_or(old.open_signup),
        session_ttl_hours: judge.number(
            "session_ttl_hours",
            patch.session_ttl_hours.unwrap_or(old.session_ttl_hours),
            1..=8760,
        ),
        session_idle_minutes: judge.number(
            "session_idle_minutes",
            patch.session_idle_minutes.unwrap_or(old.session_idle_minutes),
            1..=525_600,
        ),
        session_max_per_user: judge.number(
            "session_max_per_user",
            patch.session_max_per_user.unwrap_or(old.session_max_per_user),
            1..=100,
        ),
    };
    judge.verdict()?;
    Ok(Organization { name, region, settings, ..before.clone() })
}

/// How often closing an organization is tried while people join or leave it.
const CLOSING_TRIES: usize = 5;

/// The last admin closes the organization: everybody is anonymised and signed out, with a row for each.
pub async fn delete(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    org_id: &str,
) -> Result<(), Error> {
    let before = get(services, principal, org_id).await?;
    principal.require_fresh_admin(services)?;
    for _ in 0..CLOSING_TRIES {
        let everybody = services.organizations.everybody(org_id).await?;
        if everybody.iter().filter(|person| person.is_admin()).count() > 1 {
            return Err(Refusal::OtherAdmins.into());
        }
        let trail = closing_trail(services, context, principal, &before, &everybody);
        let members: Vec<String> = everybody.into_iter().map(|person| person.id).collect();
        match services.organizations.delete(org_id, &members, services.clock.now(), trail).await {
            Err(Error::Refused(Refusal::Conflict)) => {}
            outcome => {
                outcome?;
                for person_id in members {
                    services.sessions.end_all_of(&person_id, None).await?;
                }
                return Ok(());
            }
        }
    }
    Err(Refusal::Conflict.into())
}

fn closing_trail(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    before: &Organization,
    everybody: &[Person],
) -> Trail {
    let actor = Actor::principal(principal);
    let done = Happening::done(Action::OrganizationDelete, resource(before))
        .changing(Changes::deleted(as_json(before)));
    everybody.iter().fold(services.trail(context, &actor, done), |trail, person| {
        services.trail_and(trail, context, &actor, people::deleted(person))
    })
}

fn as_json(organization: &Organization) -> serde_json::Value {
    let mut fields = json!(organization.settings);
    fields["name"] = json!(organization.name);
    fields["region"] = json!(organization.region);
    fields
}

fn resource(organization: &Organization) -> Resource {
    Resource::new("organization", &*organization.id).named(&*organization.name)
}
