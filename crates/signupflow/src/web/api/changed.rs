//! What a change has left, read again: the answer to a retry where the first answer was lost with the server.

use accounts::ports::StoredReceipt;
use accounts::{Error, Principal, Refusal, events, organizations, people, teams};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use serde::Serialize;

use super::bodies::{PersonBody, message};
use super::events::EventBody;
use super::invitations::InvitationBody;
use super::organizations::OrganizationBody;
use super::teams::TeamBody;
use super::two_factor_admin;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// The answer that the request would have got, with the resource as it is by now; without it where it is gone.
pub async fn as_it_is_now(
    state: &AppState,
    principal: &Principal,
    parts: &Parts,
    receipt: &StoredReceipt,
) -> Outcome<Response> {
    let path = parts.uri.path();
    if parts.method == Method::DELETE {
        let sessions = path.starts_with("/api/sessions") || path.ends_with("/sessions");
        return Ok(if sessions {
            message("The sessions were ended.").into_response()
        } else {
            StatusCode::NO_CONTENT.into_response()
        });
    }
    if path.ends_with("/require-2fa") {
        let policy = two_factor_admin::policy_as_it_is_now(state, principal, &receipt.resource_id).await;
        return policy.map(IntoResponse::into_response);
    }
    if path.ends_with("/2fa/reset") {
        return Ok(message(two_factor_admin::RESET).into_response());
    }
    let creates = ["/api/teams", "/api/events", "/api/invitations"].contains(&path);
    let status = if creates { StatusCode::CREATED } else { StatusCode::OK };
    let (services, id) = (&state.services, &*receipt.resource_id);
    let found = match &*receipt.resource_type {
        "team" => shown(status, teams::get(services, principal, id).await.map(TeamBody::from)),
        "event" => shown(status, events::get(services, principal, id).await.map(EventBody::from)),
        "organization" => {
            shown(status, organizations::get(services, principal, id).await.map(OrganizationBody::from))
        }
        "person" => {
            let whole = |person| PersonBody::of(person, true);
            shown(status, people::get(services, principal, id).await.map(whole))
        }
        "invitation" => {
            let found = services.invitations.get(principal.org_id(), id).await?;
            let found = found.ok_or_else(|| Refusal::NotFound("invitation").into());
            shown(status, found.map(InvitationBody::from))
        }
        _ => None,
    };
    found.unwrap_or_else(|| Ok(StatusCode::NO_CONTENT.into_response()))
}

/// None where it is gone.
fn shown<T: Serialize>(status: StatusCode, read: Result<T, Error>) -> Option<Outcome<Response>> {
    match read {
        Ok(body) => Some(Ok((status, axum::Json(body)).into_response())),
        Err(Error::Refused(_)) => None,
        Err(error) => Some(Err(error.into())),
    }
}
