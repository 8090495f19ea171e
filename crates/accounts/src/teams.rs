//! Teams: everybody of an organization sees them, admins change them.

use hardening::audit::{Action, Changes, Resource};
use hardening::entropy::new_id;
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::model::{Page, Team};
use crate::people;
use crate::services::Services;

/// What is typed.
#[derive(Clone, Debug)]
pub struct TeamInput {
    /// 1 to 120 characters, unique in the organization.
    pub name: String,
    /// At most 2000 characters.
    pub description: String,
}

fn judged(input: &TeamInput) -> Result<TeamInput, Refusal> {
    let mut judge = Judge::new();
    let name = judge.line("name", &input.name, 120);
    let description = judge.paragraph("description", &input.description, 2000);
    judge.verdict()?;
    Ok(TeamInput { name, description })
}

fn resource(team: &Team) -> Resource {
    Resource::new("team", &*team.id).named(&*team.name)
}

/// One team.
pub async fn get(services: &Services, principal: &Principal, team_id: &str) -> Result<Team, Error> {
    services.teams.get(principal.org_id(), team_id).await?.ok_or_else(|| Refusal::NotFound("team").into())
}

/// A page of teams.
pub async fn list(services: &Services, principal: &Principal, page: &Page) -> Result<Vec<Team>, Error> {
    Ok(services.teams.list(principal.org_id(), page).await?)
}

/// Creates a team.
pub async fn create(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    input: &TeamInput,
) -> Result<Team, Error> {
    principal.require_admin()?;
    let input = judged(input)?;
    let now = services.clock.now();
    let team = Team {
        id: new_id("team", now, &*services.entropy),
        org_id: principal.org_id().to_owned(),
        name: input.name,
        description: input.description,
        members: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let new = json!({ "name": team.name, "description": team.description });
    let done = Happening::done(Action::TeamCreate, resource(&team)).changing(Changes::created(new));
    services.teams.create(&team, services.trail(context, &Actor::principal(principal), done)).await?;
    Ok(team)
}

/// Replaces name and description.
pub async fn update(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    team_id: &str,
    input: &TeamInput,
) -> Result<Team, Error> {
    principal.require_admin()?;
    let input = judged(input)?;
    let before = get(services, principal, team_id).await?;
    let after = Team {
        name: input.name,
        description: input.description,
        updated_at: services.clock.now(),
        ..before.clone()
    };
    let changes = Changes::new().field_if_changed("name", &*before.name, &*after.name).field_if_changed(
        "description",
        &*before.description,
        &*after.description,
    );
    if changes.is_empty() {
        return Ok(before);
    }
    let done = Happening::done(Action::TeamUpdate, resource(&after)).changing(changes);
    services
        .teams
        .update(&before, &after, services.trail(context, &Actor::principal(principal), done))
        .await?;
    Ok(after)
}

/// Deletes a team with its memberships.
pub async fn delete(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    team_id: &str,
) -> Result<(), Error> {
    principal.require_admin()?;
    let before = get(services, principal, team_id).await?;
    let old = json!({ "name": before.name, "description": before.description, "members": before.members });
    let done = Happening::done(Action::TeamDelete, resource(&before)).changing(Changes::deleted(old));
    services.teams.delete(&before, services.trail(context, &Actor::principal(principal), done)).await
}

/// Adds a person; adding a member again changes nothing.
pub async fn add_member(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    team_id: &str,
    person_id: &str,
) -> Result<Team, Error> {
    principal.require_admin()?;
    let mut judge = Judge::new();
    judge.id("person_id", person_id);
    judge.verdict()?;
    let team = get(services, principal, team_id).await?;
    people::get(services, principal, person_id).await?;
    let changes = Changes::new().field("member", serde_json::Value::Null, person_id);
    let done = Happening::done(Action::TeamMemberAdded, resource(&team)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.teams.add_member(&team, person_id, services.clock.now(), trail).await?;
    get(services, principal, team_id).await
}

/// Removes a person.
pub async fn remove_member(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    team_id: &str,
    person_id: &str,
) -> Result<(), Error> {
    principal.require_admin()?;
    let team = get(services, principal, team_id).await?;
    let changes = Changes::new().field("member", person_id, serde_json::Value::Null);
    let done = Happening::done(Action::TeamMemberRemoved, resource(&team)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.teams.remove_member(&team, person_id, trail).await
}
