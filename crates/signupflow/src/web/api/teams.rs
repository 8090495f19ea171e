//! Teams.

use accounts::model::Team;
use accounts::teams::{self, TeamInput};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::extract::{Context, PathId, PathIds, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, and_one_more};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// A team with its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamBody {
    /// `team_…`
    pub id: String,
    /// `org_…`
    pub org_id: String,
    /// Unique in the organization.
    pub name: String,
    /// Plain text.
    pub description: String,
    /// Person ids.
    pub members: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Team> for TeamBody {
    fn from(team: Team) -> Self {
        Self {
            id: team.id,
            org_id: team.org_id,
            name: team.name,
            description: team.description,
            members: team.members,
            created_at: team.created_at,
            updated_at: team.updated_at,
        }
    }
}

/// A team to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamInputBody {
    /// 1 to 120 characters.
    pub name: String,
    /// At most 2000 characters.
    #[serde(default)]
    pub description: String,
}

impl From<TeamInputBody> for TeamInput {
    fn from(body: TeamInputBody) -> Self {
        Self { name: body.name, description: body.description }
    }
}

/// The teams of your organization.
#[utoipa::path(get, path = "/api/teams", tag = "teams", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Listing<TeamBody>),
    (status = "4XX", description = "unauthenticated, invalid_input", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<Listing<TeamBody>>> {
    let page = query.page()?;
    let found = teams::list(&state.services, &principal, &and_one_more(&page)).await?;
    Ok(axum::Json(Listing::of(found, &page, |team| &team.id, TeamBody::from)))
}

/// One team.
#[utoipa::path(get, path = "/api/teams/{id}", tag = "teams", security(("bearer" = [])),
    params(("id" = String, Path, description = "`team_…`")), responses(
    (status = 200, description = "The team", body = TeamBody),
    (status = 404, description = "not_found", body = ProblemBody),
))]
pub async fn get(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<TeamBody>> {
    Ok(axum::Json(teams::get(&state.services, &principal, &id).await?.into()))
}

/// Create a team.
#[utoipa::path(post, path = "/api/teams", tag = "teams", security(("bearer" = [])), request_body = TeamInputBody, responses(
    (status = 201, description = "Created", body = TeamBody),
    (status = 409, description = "name_taken", body = ProblemBody),
    (status = "4XX", description = "forbidden, invalid_input", body = ProblemBody),
))]
pub async fn create(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<TeamInputBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let team =
        run_to_end(async move { teams::create(&services, &context, &principal, &body.into()).await }).await?;
    Ok((StatusCode::CREATED, axum::Json(TeamBody::from(team))).into_response())
}

/// Replace name and description.
#[utoipa::path(put, path = "/api/teams/{id}", tag = "teams", security(("bearer" = [])),
    params(("id" = String, Path, description = "`team_…`")), request_body = TeamInputBody, responses(
    (status = 200, description = "Replaced", body = TeamBody),
    (status = 409, description = "name_taken, conflict", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found, invalid_input", body = ProblemBody),
))]
pub async fn update(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<TeamInputBody>,
) -> Outcome<axum::Json<TeamBody>> {
    let services = state.services.clone();
    let team =
        run_to_end(async move { teams::update(&services, &context, &principal, &id, &body.into()).await })
            .await?;
    Ok(axum::Json(team.into()))
}

/// Delete a team.
#[utoipa::path(delete, path = "/api/teams/{id}", tag = "teams", security(("bearer" = [])),
    params(("id" = String, Path, description = "`team_…`")), responses(
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
    run_to_end(async move { teams::delete(&services, &context, &principal, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberBody {
    /// `person_…` of the same organization.
    pub person_id: String,
}

/// Add a person to a team; adding a member again changes nothing.
#[utoipa::path(post, path = "/api/teams/{id}/members", tag = "teams", security(("bearer" = [])),
    params(("id" = String, Path, description = "`team_…`")), request_body = MemberBody, responses(
    (status = 200, description = "The team", body = TeamBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn add_member(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<MemberBody>,
) -> Outcome<axum::Json<TeamBody>> {
    let services = state.services.clone();
    let team =
        run_to_end(
            async move { teams::add_member(&services, &context, &principal, &id, &body.person_id).await },
        )
        .await?;
    Ok(axum::Json(team.into()))
}

/// Remove a person from a team.
#[utoipa::path(delete, path = "/api/teams/{id}/members/{person_id}", tag = "teams", security(("bearer" = [])),
    params(("id" = String, Path, description = "`team_…`"), ("person_id" = String, Path, description = "`person_…`")), responses(
    (status = 204, description = "Removed"),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn remove_member(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathIds(ids): PathIds<2>,
    _: NoBody,
) -> Outcome<Response> {
    let services = state.services.clone();
    let [id, person_id] = ids;
    run_to_end(async move { teams::remove_member(&services, &context, &principal, &id, &person_id).await })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
