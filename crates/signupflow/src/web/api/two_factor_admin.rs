//! Who of an organization must have a second factor, and an admin's reset of one.

use accounts::Principal;
use accounts::model::Page;
use accounts::two_factor::manage::{self, Removed};
use accounts::two_factor::policy::TwoFactorPolicy;
use accounts::two_factor::policy_admin::{self, Overview};
use axum::extract::State;
use hardening::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bodies::{MessageBody, message};
use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, and_one_more};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// What an admin is told after [`reset`].
pub const RESET: &str = "The second factor was removed, and every device of this person was signed out.";
/// What an admin is told where only a second factor was removed that waited to be confirmed.
pub const RESET_WAITING: &str = "The second factor that waited to be confirmed was removed.";
const FIRST_PAGE: ListQuery = ListQuery { limit: None, cursor: None, org_id: None };

/// Who must have a second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireBody {
    /// Whether anybody must.
    pub require: bool,
    /// Only people with one of these roles; everybody when left out.
    pub roles: Option<Vec<String>>,
    /// From when on nothing else works without; at once when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
}

/// Somebody without a second factor.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithoutBody {
    /// `person_…`
    pub id: String,
    /// Name.
    pub name: String,
    /// As typed.
    pub email: Option<String>,
    /// Role names.
    pub roles: Vec<String>,
    /// Whether the policy, as it is, asks this person for one.
    pub required: bool,
}

/// The policy, and whom it may concern.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequiredBody {
    /// Whether anybody must have a second factor.
    pub require: bool,
    /// Only people with one of these roles; null: everybody.
    pub roles: Option<Vec<String>>,
    /// From when on nothing else works without; null: at once.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// People without a second factor, whether the policy asks them or not: who would have to enrol.
    pub people_without_2fa: Vec<WithoutBody>,
    /// How many there are.
    pub total_without_2fa: i64,
    /// Give it as `cursor` for the next page of people; null on the last.
    pub next_cursor: Option<String>,
}

fn shown(overview: Overview, page: &Page) -> axum::Json<RequiredBody> {
    let Overview { policy, people_without, total_without } = overview;
    let people = Listing::of(
        people_without,
        page,
        |person| &person.id,
        |person| WithoutBody {
            required: policy.concerns(&person.roles),
            id: person.id,
            name: person.name,
            email: person.email,
            roles: person.roles,
        },
    );
    axum::Json(RequiredBody {
        require: policy.require,
        roles: (!policy.roles.is_empty()).then_some(policy.roles),
        deadline: policy.deadline,
        people_without_2fa: people.items,
        total_without_2fa: total_without,
        next_cursor: people.next_cursor,
    })
}

/// Who must have a second factor, and who has none.
#[utoipa::path(get, path = "/api/organizations/{id}/require-2fa", tag = "organizations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`org_…`"), ListQuery), responses(
    (status = 200, description = "The policy, and a page of the people without", body = RequiredBody),
    (status = "4XX", description = "unauthenticated, forbidden, not_found, invalid_input", body = ProblemBody),
))]
pub async fn policy(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<RequiredBody>> {
    page_of_policy(&state, &principal, &id, query).await
}

async fn page_of_policy(
    state: &AppState,
    principal: &Principal,
    id: &str,
    query: ListQuery,
) -> Outcome<axum::Json<RequiredBody>> {
    let page = query.page()?;
    let wanted = and_one_more(&page);
    let overview = policy_admin::overview(&state.services, principal, id, &wanted).await?;
    Ok(shown(overview, &page))
}

/// The answer to a change of the policy, with the policy as it is by now.
pub async fn policy_as_it_is_now(
    state: &AppState,
    principal: &Principal,
    id: &str,
) -> Outcome<axum::Json<RequiredBody>> {
    page_of_policy(state, principal, id, FIRST_PAGE).await
}

/// Set who must have a second factor. People it concerns who have none must enrol before anything else, also those
/// who are signed in: you too.
#[utoipa::path(put, path = "/api/organizations/{id}/require-2fa", tag = "organizations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`org_…`")), request_body = RequireBody, responses(
    (status = 200, description = "The policy, and the first people without", body = RequiredBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found, conflict, invalid_input", body = ProblemBody),
))]
pub async fn set_policy(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<RequireBody>,
) -> Outcome<axum::Json<RequiredBody>> {
    let services = state.services.clone();
    let wanted = TwoFactorPolicy {
        require: body.require,
        roles: body.roles.unwrap_or_default(),
        deadline: body.deadline,
    };
    let page = FIRST_PAGE.page()?;
    let first = and_one_more(&page);
    let overview =
        run_to_end(
            async move { policy_admin::set(&services, &context, &principal, &id, wanted, &first).await },
        )
        .await?;
    Ok(shown(overview, &page))
}

/// Remove the second factor of somebody who lost it. They are signed out everywhere and told by mail. Not your own.
///
/// Where none is active, the one that waits to be confirmed is removed, and nothing else changes.
#[utoipa::path(post, path = "/api/people/{id}/2fa/reset", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "`person_…`")), responses(
    (status = 200, description = "Removed", body = MessageBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = 409, description = "2fa_not_enabled, own_second_factor", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn reset(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    _: NoBody,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    let removed =
        run_to_end(async move { manage::reset(&services, &context, &principal, &id).await }).await?;
    Ok(message(match removed {
        Removed::Active => RESET,
        Removed::Waiting => RESET_WAITING,
    }))
}
