//! Events people sign up for: everybody of an organization sees them, admins change them.

use hardening::audit::{Action, Changes, Resource};
use hardening::clock::Timestamp;
use hardening::entropy::new_id;
use hardening::sanitise::limited_html;
use serde_json::{Value, json};

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::model::{Event, Page, RequiredRole};
use crate::services::Services;

/// What is typed.
#[derive(Clone, Debug)]
pub struct EventInput {
    /// 1 to 200 characters.
    pub title: String,
    /// 1 to 60 characters, such as `service`.
    pub kind: String,
    /// Start.
    pub start: Timestamp,
    /// End, after the start.
    pub end: Timestamp,
    /// At most 200 characters.
    pub location: String,
    /// Limited HTML, at most 10,000 characters.
    pub description: String,
    /// Who is needed.
    pub required_roles: Vec<RequiredRole>,
}

fn judged(input: &EventInput) -> Result<EventInput, Refusal> {
    let mut judge = Judge::new();
    let title = judge.line("title", &input.title, 200);
    let kind = judge.line("type", &input.kind, 60);
    let location = judge.optional_line("location", &input.location, 200);
    let description = limited_html(&judge.paragraph("description", &input.description, 10_000));
    let required_roles = judge.required_roles("required_roles", &input.required_roles);
    if input.end <= input.start {
        judge.refuse("end", "must be after start");
    }
    judge.verdict()?;
    Ok(EventInput { title, kind, location, description, required_roles, ..*input })
}

fn resource(event: &Event) -> Resource {
    Resource::new("event", &*event.id).named(&*event.title)
}

fn as_json(event: &Event) -> Value {
    json!({
        "title": event.title, "type": event.kind, "start": event.start, "end": event.end,
        "location": event.location, "description": event.description, "required_roles": event.required_roles,
    })
}

/// One event.
pub async fn get(services: &Services, principal: &Principal, event_id: &str) -> Result<Event, Error> {
    services.events.get(principal.org_id(), event_id).await?.ok_or_else(|| Refusal::NotFound("event").into())
}

/// A page of events.
pub async fn list(services: &Services, principal: &Principal, page: &Page) -> Result<Vec<Event>, Error> {
    Ok(services.events.list(principal.org_id(), page).await?)
}

/// Creates an event.
pub async fn create(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    input: &EventInput,
) -> Result<Event, Error> {
    principal.require_admin()?;
    let input = judged(input)?;
    let now = services.clock.now();
    let event = Event {
        id: new_id("event", now, &*services.entropy),
        org_id: principal.org_id().to_owned(),
        title: input.title,
        kind: input.kind,
        start: input.start,
        end: input.end,
        location: input.location,
        description: input.description,
        required_roles: input.required_roles,
        created_by: principal.person_id().to_owned(),
        created_at: now,
        updated_at: now,
    };
    let done =
        Happening::done(Action::EventCreate, resource(&event)).changing(Changes::created(as_json(&event)));
    services.events.create(&event, services.trail(context, &Actor::principal(principal), done)).await?;
    Ok(event)
}

/// Replaces an event.
pub async fn update(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    event_id: &str,
    input: &EventInput,
) -> Result<Event, Error> {
    principal.require_admin()?;
    let input = judged(input)?;
    let before = get(services, principal, event_id).await?;
    let after = Event {
        title: input.title,
        kind: input.kind,
        start: input.start,
        end: input.end,
        location: input.location,
        description: input.description,
        required_roles: input.required_roles,
        updated_at: services.clock.now(),
        ..before.clone()
    };
    let (old, new) = (as_json(&before), as_json(&after));
    let mut changes = Changes::new();
    for field in ["title", "type", "start", "end", "location", "description", "required_roles"] {
        changes = changes.field_if_changed(field, old[field].clone(), new[field].clone());
    }
    if changes.is_empty() {
        return Ok(before);
    }
    let done = Happening::done(Action::EventUpdate, resource(&after)).changing(changes);
    services
        .events
        .update(&before, &after, services.trail(context, &Actor::principal(principal), done))
        .await?;
    Ok(after)
}

/// Deletes an event.
pub async fn delete(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    event_id: &str,
) -> Result<(), Error> {
    principal.require_admin()?;
    let before = get(services, principal, event_id).await?;
    let done =
        Happening::done(Action::EventDelete, resource(&before)).changing(Changes::deleted(as_json(&before)));
    services.events.delete(&before, services.trail(context, &Actor::principal(principal), done)).await
}
