//! People of one's organization.

use accounts::ports::PersonPatch;
use accounts::{lockouts, manage_sessions, people};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::{MessageBody, PersonBody, message};
use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::json::Json;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, and_one_more};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// Yourself.
#[utoipa::path(get, path = "/api/people/me", tag = "people", security(("bearer" = [])), responses(
    (status = 200, description = "You", body = PersonBody),
    (status = 401, description = "unauthenticated", body = ProblemBody),
))]
pub async fn me(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
) -> Outcome<axum::Json<PersonBody>> {
    let person = people::me(&state.services, &principal).await?;
    Ok(axum::Json(PersonBody::of(person, true)))
}

/// The people of your organization: names and roles; for admins everything.
#[utoipa::path(get, path = "/api/people", tag = "people", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Listing<PersonBody>),
    (status = "4XX", description = "unauthenticated, invalid_input", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<Listing<PersonBody>>> {
    let page = query.page()?;
    let found = people::list(&state.services, &principal, &and_one_more(&page)).await?;
    let own = principal.person_id();
    Ok(axum::Json(Listing::of(
        found,
        &page,
        |person| &person.id,
        |person| {
            let whole = principal.is_admin() || person.id == own;
            PersonBody::of(person, whole)
        },
    )))
}

/// One person.
#[utoipa::path(get, path = "/api/people/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), responses(
    (status = 200, description = "The person", body = PersonBody),
    (status = 404, description = "not_found", body = ProblemBody),
))]
pub async fn get(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<PersonBody>> {
    let person = people::get(&state.services, &principal, &id).await?;
    let whole = principal.is_admin() || person.id == principal.person_id();
    Ok(axum::Json(PersonBody::of(person, whole)))
}

/// Fields to replace; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonUpdateBody {
    /// 1 to 120 characters.
    pub name: Option<String>,
    /// IANA name, such as `Europe/Madrid`.
    pub timezone: Option<String>,
    /// One of en, es, pt, fr, zh-CN, zh-TW.
    pub language: Option<String>,
}

/// Change a person: yourself, or as an admin anybody.
#[utoipa::path(put, path = "/api/people/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), request_body = PersonUpdateBody, responses(
    (status = 200, description = "Changed", body = PersonBody),
    (status = "4XX", description = "forbidden, not_found, conflict, invalid_input", body = ProblemBody),
))]
pub async fn update(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<PersonUpdateBody>,
) -> Outcome<axum::Json<PersonBody>> {
    let services = state.services.clone();
    let patch = PersonPatch { name: body.name, timezone: body.timezone, language: body.language };
    let person =
        run_to_end(async move { people::update(&services, &context, &principal, &id, patch).await }).await?;
    Ok(axum::Json(PersonBody::of(person, true)))
}

/// How to delete.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeletePersonQuery {
    /// Also erase what the audit log holds about the person, for good: addresses, names and changes become
    /// `[ERASED]`, who did what when (by id) stays. Works on somebody who was deleted before, too.
    pub erase: Option<bool>,
    /// Must be your own organization.
    pub org_id: Option<String>,
}

/// Delete a person: anonymised, the row stays for the trail. With `erase=true` the trail forgets them as well.
#[utoipa::path(delete, path = "/api/people/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`"), DeletePersonQuery), responses(
    (status = 204, description = "Deleted"),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = 409, description = "last_admin", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn delete(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Query(query): Query<DeletePersonQuery>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let erase = query.erase == Some(true);
    run_to_end(async move {
        if erase {
            people::erase(&services, &context, &principal, &id).await
        } else {
            people::delete(&services, &context, &principal, &id).await
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// New roles.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    /// At least one; only `admin` grants rights.
    pub roles: Vec<String>,
}

/// Replace a person's roles; their sessions end.
#[utoipa::path(put, path = "/api/people/{id}/roles", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), request_body = RolesBody, responses(
    (status = 200, description = "Replaced", body = PersonBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = 409, description = "last_admin", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found, invalid_input", body = ProblemBody),
))]
pub async fn set_roles(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<RolesBody>,
) -> Outcome<axum::Json<PersonBody>> {
    let services = state.services.clone();
    let person =
        run_to_end(async move { people::set_roles(&services, &context, &principal, &id, &body.roles).await })
            .await?;
    Ok(axum::Json(PersonBody::of(person, true)))
}

/// Lock a person out; their sessions end.
#[utoipa::path(post, path = "/api/people/{id}/lock", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), responses(
    (status = 200, description = "Locked", body = PersonBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = 409, description = "last_admin", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn lock(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<PersonBody>> {
    let services = state.services.clone();
    let person = run_to_end(async move { people::lock(&services, &context, &principal, &id).await }).await?;
    Ok(axum::Json(PersonBody::of(person, true)))
}

/// A person whose locks are gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnlockedBody {
    /// As they are now.
    #[serde(flatten)]
    pub person: PersonBody,
    /// Why unknown devices stay locked out all the same, and what opens the account to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
}

/// Open an account again: an admin's lock, and locks for failed attempts. After 100 failures in a row unknown
/// devices stay locked out until the password is reset or changed; `notice` says so.
#[utoipa::path(post, path = "/api/people/{id}/unlock", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), responses(
    (status = 200, description = "Open", body = UnlockedBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn unlock(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<UnlockedBody>> {
    let services = state.services.clone();
    let done = run_to_end(async move { people::unlock(&services, &context, &principal, &id).await }).await?;
    let notice = (!done.open_to_strangers).then_some(lockouts::STRANGERS_STAY_OUT);
    Ok(axum::Json(UnlockedBody { person: PersonBody::of(done.person, true), notice }))
}

/// End every session of a person.
#[utoipa::path(delete, path = "/api/people/{id}/sessions", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), responses(
    (status = 200, description = "Ended", body = MessageBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn end_sessions(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    run_to_end(async move { manage_sessions::end_all_of(&services, &context, &principal, &id).await })
        .await?;
    Ok(message("Every session of this person was ended."))
}

/// A lock for failed attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockBody {
    /// `account` (strangers), `device`, `person` (passwords inside a session), `second_factor` (codes while signing in) or
    /// `session_codes` (codes inside a session).
    pub kind: String,
    /// The account, when it is known.
    pub person_id: Option<String>,
    /// The address that was typed.
    pub subject: String,
    /// How many failures led to it.
    pub failures: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub locked_at: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub locked_until: Timestamp,
}

/// Accounts of your organization that are locked for failed attempts right now.
#[utoipa::path(get, path = "/api/lockouts", tag = "people", security(("bearer" = [])), responses(
    (status = 200, description = "The latest first", body = Listing<LockBody>),
    (status = "4XX", description = "unauthenticated, forbidden", body = ProblemBody),
))]
pub async fn lockouts(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
) -> Outcome<axum::Json<Listing<LockBody>>> {
    let locks = lockouts::list(&state.services, &principal).await?;
    let items = locks.into_iter().map(|lock| LockBody {
        kind: lock.kind,
        person_id: lock.person_id,
        subject: lock.subject,
        failures: lock.failures,
        locked_at: lock.locked_at,
        locked_until: lock.locked_until,
    });
    Ok(axum::Json(Listing { items: items.collect(), next_cursor: None }))
}
