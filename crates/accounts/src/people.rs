//! People of an organization, as members and admins see and change them.

use hardening::audit::{Action, Changes, ERASED, Resource, Trail};
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::input::{Judge, LANGUAGES};
use crate::lockouts::{self, Unlocked};
use crate::model::{Page, Person, PersonStatus};
use crate::ports::PersonPatch;
use crate::services::Services;

/// Oneself.
pub async fn me(services: &Services, principal: &Principal) -> Result<Person, Error> {
    services
        .people
        .get(principal.org_id(), principal.person_id())
        .await?
        .ok_or_else(|| Refusal::Unauthenticated.into())
}

/// Somebody of the same organization.
pub async fn get(services: &Services, principal: &Principal, person_id: &str) -> Result<Person, Error> {
    services
        .people
        .get(principal.org_id(), person_id)
        .await?
        .ok_or_else(|| Refusal::NotFound("person").into())
}

/// A page of people.
pub async fn list(services: &Services, principal: &Principal, page: &Page) -> Result<Vec<Person>, Error> {
    Ok(services.people.list(principal.org_id(), page).await?)
}

/// Replaces name, timezone or language: one's own, or as an admin anybody's.
pub async fn update(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
    patch: PersonPatch,
) -> Result<Person, Error> {
    if person_id != principal.person_id() {
        principal.require_admin()?;
    }
    let before = get(services, principal, person_id).await?;
    let patch = judged(patch)?;
    let changes = Changes::new()
        .field_if_changed("name", &*before.name, patch.name.as_deref().unwrap_or(&before.name))
        .field_if_changed(
            "timezone",
            &*before.timezone,
            patch.timezone.as_deref().unwrap_or(&before.timezone),
        )
        .field_if_changed(
            "language",
            &*before.language,
            patch.language.as_deref().unwrap_or(&before.language),
        );
    if changes.is_empty() {
        return Ok(before);
    }
    let done = Happening::done(Action::PersonUpdate, resource(&before)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.people.update(&before, &patch, services.clock.now(), trail).await?;
    get(services, principal, person_id).await
}

fn judged(patch: PersonPatch) -> Result<PersonPatch, Refusal> {
    let mut judge = Judge::new();
    let name = patch.name.map(|raw| judge.line("name", &raw, 120));
    let timezone = patch.timezone.map(|raw| judge.time_zone("timezone", &raw));
    if patch.language.as_deref().is_some_and(|language| !LANGUAGES.contains(&language)) {
        judge.refuse("language", format!("must be one of {}", LANGUAGES.join(", ")));
    }
    judge.verdict()?;
    Ok(PersonPatch { name, timezone, language: patch.language })
}

/// As an admin, replaces somebody's roles; their sessions end.
pub async fn set_roles(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
    roles: &[String],
) -> Result<Person, Error> {
    principal.require_fresh_admin(services)?;
    let mut judge = Judge::new();
    let roles = judge.roles("roles", roles);
    judge.verdict()?;
    let before = get(services, principal, person_id).await?;
    if before.roles == roles {
        return Ok(before);
    }
    let changes = Changes::new().field("roles", before.roles.clone(), roles.clone());
    let done = Happening::done(Action::PersonRolesChanged, resource(&before)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.people.set_roles(&before, &roles, services.clock.now(), trail).await?;
    services.sessions.end_all_of(person_id, None).await?;
    get(services, principal, person_id).await
}

/// As an admin, locks somebody out; their sessions end.
pub async fn lock(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<Person, Error> {
    principal.require_fresh_admin(services)?;
    let before = get(services, principal, person_id).await?;
    if before.status == PersonStatus::Locked {
        return Ok(before);
    }
    let trail = status_trail(services, context, principal, &before, Action::PersonLocked, "locked");
    services.people.set_locked(&before, true, services.clock.now(), trail, Vec::new()).await?;
    services.sessions.end_all_of(person_id, None).await?;
    get(services, principal, person_id).await
}

/// As an admin, opens an account again: an admin's lock, and every lock for failed attempts.
pub async fn unlock(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<Unlocked, Error> {
    principal.require_fresh_admin(services)?;
    let before = get(services, principal, person_id).await?;
    let actor = Actor::principal(principal);
    if before.status == PersonStatus::Locked {
        // The receipt comes with the last change: until then a retry begins anew.
        lockouts::lift_all(services, &context.without_receipt(), &actor, &before, "admin").await?;
        let trail = status_trail(services, context, principal, &before, Action::PersonUnlocked, "active");
        services.people.set_locked(&before, false, services.clock.now(), trail, Vec::new()).await?;
    } else {
        lockouts::lift_all(services, context, &actor, &before, "admin").await?;
    }
    let open_to_strangers = lockouts::open_to_strangers(services, &before).await?;
    Ok(Unlocked { person: get(services, principal, person_id).await?, open_to_strangers })
}

fn status_trail(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    before: &Person,
    action: Action,
    after: &str,
) -> Trail {
    let changes = Changes::new().field("status", before.status.as_str(), after);
    let done = Happening::done(action, resource(before)).changing(changes);
    services.trail(context, &Actor::principal(principal), done)
}

/// As an admin, deletes somebody: the row is anonymised and stays for the trail.
pub async fn delete(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<(), Error> {
    principal.require_fresh_admin(services)?;
    let before = get(services, principal, person_id).await?;
    let trail = services.trail(context, &Actor::principal(principal), deleted(&before));
    services.people.delete(&before, services.clock.now(), trail).await?;
    services.sessions.end_all_of(person_id, None).await?;
    Ok(())
}

/// What the trail says of somebody who was deleted.
pub(crate) fn deleted(before: &Person) -> Happening {
    let gone = json!({ "name": before.name, "email": before.email, "roles": before.roles });
    Happening::done(Action::PersonDelete, resource(before)).changing(Changes::deleted(gone))
}

/// As an admin, deletes somebody and erases what the trail holds about them; somebody who was deleted before is
/// erased now.
pub async fn erase(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<(), Error> {
    principal.require_fresh_admin(services)?;
    let (now, org_id) = (services.clock.now(), principal.org_id());
    let trail = erasing_trail(services, context, principal, person_id);
    match services.people.get(org_id, person_id).await? {
        Some(before) => services.people.delete_and_erase(&before, now, trail).await?,
        None => services.people.erase_deleted(org_id, person_id, now, trail).await?,
    }
    services.sessions.end_all_of(person_id, None).await?;
    Ok(())
}

/// An event that holds nothing it would have to erase.
fn erasing_trail(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Trail {
    let gone = json!({ "name": ERASED, "email": ERASED, "audit_log": ERASED });
    let done = Happening::done(Action::PersonDelete, Resource::new("person", person_id))
        .changing(Changes::deleted(gone));
    let actor = Actor::principal(principal);
    if principal.person_id() == person_id {
        services.trail(&context.without_sender(), &actor.without_address(), done)
    } else {
        services.trail(context, &actor, done)
    }
}

fn resource(person: &Person) -> Resource {
    Resource::new("person", &*person.id).named(&*person.name)
}
