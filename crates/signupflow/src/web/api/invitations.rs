//! Invitations.

use accounts::invitations;
use accounts::model::Invitation;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, and_one_more};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// An invitation; its token goes by mail only.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationBody {
    /// `invitation_…`
    pub id: String,
    /// `org_…`
    pub org_id: String,
    /// Whose address.
    pub email: String,
    /// The roles the person will have.
    pub roles: Vec<String>,
    /// `pending`, `accepted` or `revoked`.
    pub status: String,
    /// Person id of the admin.
    pub invited_by: String,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its link ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            org_id: invitation.org_id,
            email: invitation.email,
            roles: invitation.roles,
            status: invitation.status,
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteBody {
    /// One address.
    #[schema(format = Email)]
    pub email: String,
    /// At least one; inviting an `admin` needs a fresh session.
    pub roles: Vec<String>,
}

/// Invite somebody by mail.
#[utoipa::path(post, path = "/api/invitations", tag = "invitations", security(("bearer" = [])), request_body = InviteBody, responses(
    (status = 201, description = "Mailed", body = InvitationBody),
    (status = 409, description = "invitation_open", body = ProblemBody),
    (status = "4XX", description = "forbidden, step_up_required, invalid_input, rate_limited", body = ProblemBody),
))]
pub async fn create(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<InviteBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let sent = run_to_end(async move {
        invitations::invite(&services, &context, &principal, &body.email, &body.roles).await
    })
    .await?;
    Ok((StatusCode::CREATED, axum::Json(InvitationBody::from(sent))).into_response())
}

/// The invitations of your organization.
#[utoipa::path(get, path = "/api/invitations", tag = "invitations", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Listing<InvitationBody>),
    (status = "4XX", description = "unauthenticated, forbidden, invalid_input", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<Listing<InvitationBody>>> {
    let page = query.page()?;
    let found = invitations::list(&state.services, &principal, &and_one_more(&page)).await?;
    Ok(axum::Json(Listing::of(found, &page, |invitation| &invitation.id, InvitationBody::from)))
}

/// Withdraw a pending invitation.
#[utoipa::path(delete, path = "/api/invitations/{id}", tag = "invitations", security(("bearer" = [])),
    params(("id" = String, Path, description = "`invitation_…`")), responses(
    (status = 204, description = "Withdrawn"),
    (status = "4XX", description = "forbidden, not_found", body = ProblemBody),
))]
pub async fn revoke(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    _: NoBody,
) -> Outcome<Response> {
    let services = state.services.clone();
    run_to_end(async move { invitations::revoke(&services, &context, &principal, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
