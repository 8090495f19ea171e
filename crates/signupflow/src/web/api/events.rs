//! Events.

use accounts::events::{self, EventInput};
use accounts::model::Event;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bodies::RequiredRoleBody;
use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, and_one_more};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// Something people sign up for.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventBody {
    /// `event_…`
    pub id: String,
    /// `org_…`
    pub org_id: String,
    /// Plain text.
    pub title: String,
    /// Such as `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
    /// Plain text.
    pub location: String,
    /// Limited HTML, sanitised.
    pub description: String,
    /// Who is needed.
    pub required_roles: Vec<RequiredRoleBody>,
    /// Person id.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            org_id: event.org_id,
            title: event.title,
            kind: event.kind,
            start: event.start,
            end: event.end,
            location: event.location,
            description: event.description,
            required_roles: event.required_roles.into_iter().map(Into::into).collect(),
            created_by: event.created_by,
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

/// An event to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventInputBody {
    /// 1 to 200 characters.
    pub title: String,
    /// 1 to 60 characters, such as `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// RFC 3339, after the start.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
    /// At most 200 characters.
    #[serde(default)]
    pub location: String,
    /// Limited HTML (p br strong em a ul ol li), at most 10,000 characters; anything else is stripped.
    #[serde(default)]
    pub description: String,
    /// At most 20.
    #[serde(default)]
    pub required_roles: Vec<RequiredRoleBody>,
}

impl From<EventInputBody> for EventInput {
    fn from(body: EventInputBody) -> Self {
        Self {
            title: body.title,
            kind: body.kind,
            start: body.start,
            end: body.end,
            location: body.location,
            description: body.description,
            required_roles: body.required_roles.into_iter().map(Into::into).collect(),
        }
    }
}

/// The events of your organization.
#[utoipa::path(get, path = "/api/events", tag = "events", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Listing<EventBody>),
    (status = "4XX", description = "unauthenticated, invalid_input", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<Listing<EventBody>>> {
    let page = query.page()?;
    let found = events::list(&state.services, &principal, &and_one_more(&page)).await?;
    Ok(axum::Json(Listing::of(found, &page, |event| &event.id, EventBody::from)))
}

/// One event.
#[utoipa::path(get, path = "/api/events/{id}", tag = "events", security(("bearer" = [])),
    params(("id" = String, Path, description = "`event_…`")), responses(
    (status = 200, description = "The event", body = EventBody),
    (status = 404, description = "not_found", body = ProblemBody),
))]
pub async fn get(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<EventBody>> {
    Ok(axum::Json(events::get(&state.services, &principal, &id).await?.into()))
}

/// Create an event.
#[utoipa::path(post, path = "/api/events", tag = "events", security(("bearer" = [])), request_body = EventInputBody, responses(
    (status = 201, description = "Created", body = EventBody),
    (status = "4XX", description = "forbidden, invalid_input", body = ProblemBody),
))]
pub async fn create(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<EventInputBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let event =
        run_to_end(async move { events::create(&services, &context, &principal, &body.into()).await })
            .await?;
    Ok((StatusCode::CREATED, axum::Json(EventBody::from(event))).into_response())
}

/// Replace an event.
#[utoipa::path(put, path = "/api/events/{id}", tag = "events", security(("bearer" = [])),
    params(("id" = String, Path, description = "`event_…`")), request_body = EventInputBody, responses(
    (status = 200, description = "Replaced", body = EventBody),
    (status = "4XX", description = "forbidden, not_found, conflict, invalid_input", body = ProblemBody),
))]
pub async fn update(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<EventInputBody>,
) -> Outcome<axum::Json<EventBody>> {
    let services = state.services.clone();
    let event =
        run_to_end(async move { events::update(&services, &context, &principal, &id, &body.into()).await })
            .await?;
    Ok(axum::Json(event.into()))
}

/// Delete an event.
#[utoipa::path(delete, path = "/api/events/{id}", tag = "events", security(("bearer" = [])),
    params(("id" = String, Path, description = "`event_…`")), responses(
    (status = 204, description = "Deleted"),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn delete(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    _: NoBody,
) -> Outcome<Response> {
    let services = state.services.clone();
    run_to_end(async move { events::delete(&services, &context, &principal, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
