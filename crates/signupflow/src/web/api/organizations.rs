//! One's own organization.

use accounts::model::Organization;
use accounts::organizations::{self, OrganizationPatch};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// An organization with its settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationBody {
    /// `org_…`
    pub id: String,
    /// Name.
    pub name: String,
    /// Where it works.
    pub region: Option<String>,
    /// Whether people may join without an invitation.
    pub open_signup: bool,
    /// Absolute life of a session; null is the server's setting.
    pub session_ttl_hours: Option<u32>,
    /// Idle time of a session; null is the server's setting.
    pub session_idle_minutes: Option<u32>,
    /// Sessions a person may have; null is the server's setting.
    pub session_max_per_user: Option<u32>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Organization> for OrganizationBody {
    fn from(organization: Organization) -> Self {
        let settings = organization.settings;
        Self {
            id: organization.id,
            name: organization.name,
            region: organization.region,
            open_signup: settings.open_signup,
            session_ttl_hours: settings.session_ttl_hours,
            session_idle_minutes: settings.session_idle_minutes,
            session_max_per_user: settings.session_max_per_user,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

/// Fields to replace; what is left out stays, null returns to the server's setting.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationUpdateBody {
    /// 1 to 120 characters.
    pub name: Option<String>,
    /// 1 to 120 characters, or null.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub region: Option<Option<String>>,
    /// Whether people may join without an invitation.
    pub open_signup: Option<bool>,
    /// 1 to 8760; cannot exceed the server's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub session_ttl_hours: Option<Option<u32>>,
    /// 1 to 525,600; cannot exceed the server's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub session_idle_minutes: Option<Option<u32>>,
    /// 1 to 100; cannot exceed the server's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub session_max_per_user: Option<Option<u32>>,
}

/// Tells a null that was given from a field that was left out.
#[expect(clippy::option_option, reason = "left out, null and a value are three different wishes")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Your organization.
#[utoipa::path(get, path = "/api/organizations/{id}", tag = "organizations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`org_…`")), responses(
    (status = 200, description = "The organization", body = OrganizationBody),
    (status = 404, description = "not_found", body = ProblemBody),
))]
pub async fn get(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
) -> Outcome<axum::Json<OrganizationBody>> {
    Ok(axum::Json(organizations::get(&state.services, &principal, &id).await?.into()))
}

/// Change name, region or settings.
#[utoipa::path(put, path = "/api/organizations/{id}", tag = "organizations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`org_…`")), request_body = OrganizationUpdateBody, responses(
    (status = 200, description = "Changed", body = OrganizationBody),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = "4XX", description = "forbidden, not_found, conflict, invalid_input", body = ProblemBody),
))]
pub async fn update(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    Json(body): Json<OrganizationUpdateBody>,
) -> Outcome<axum::Json<OrganizationBody>> {
    let services = state.services.clone();
    let patch = OrganizationPatch {
        name: body.name,
        region: body.region,
        open_signup: body.open_signup,
        session_ttl_hours: body.session_ttl_hours,
        session_idle_minutes: body.session_idle_minutes,
        session_max_per_user: body.session_max_per_user,
    };
    let changed =
        run_to_end(async move { organizations::update(&services, &context, &principal, &id, patch).await })
            .await?;
    Ok(axum::Json(changed.into()))
}

/// Delete your organization: only its last admin can, and everybody in it is anonymised and signed out.
#[utoipa::path(delete, path = "/api/organizations/{id}", tag = "organizations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`org_…`")), responses(
    (status = 204, description = "Deleted"),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = 409, description = "other_admins", body = ProblemBody),
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
    run_to_end(async move { organizations::delete(&services, &context, &principal, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
