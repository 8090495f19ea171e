//! Refusals that speak of an attempt are put on record: CSRF, other sites, missing rights, a last admin's going, reached limits; and so are
//! faults of the server's own. One row per kind, client and minute, and one that counts the rest of them.

use std::time::Duration;

use accounts::Principal;
use accounts::audit_trail::{Actor, Happening};
use accounts::refusal_record::put_on_record;
use axum::response::{IntoResponse, Response};
use hardening::audit::{Action, Resource};
use hardening_tower::Refusal as LayerRefusal;

use super::arrival::Arrival;
use super::problem::Problem;
use super::refusals::Answer;
use super::state::AppState;

/// The window in which those like the first are only counted.
const WINDOW: Duration = Duration::from_mins(1);
const LAST_ADMIN: &str = "the last admin of an organization stays";

/// The answer, once its row is written if it is worth one; another answer when that fails.
pub async fn on_record(state: &AppState, arrival: &Arrival, response: Response) -> Response {
    match worth_a_row(&response) {
        None => response,
        Some((action, why)) => Box::pin(recorded(state, arrival, response, action, why)).await,
    }
}

async fn recorded(
    state: &AppState,
    arrival: &Arrival,
    response: Response,
    action: Action,
    why: &'static str,
) -> Response {
    match write(state, arrival, action, why).await {
        Ok(()) => response,
        // What went wrong already is what the client should hear.
        Err(error) if action == Action::SystemFault => {
            tracing::error!(%error, "a fault is not on record");
            response
        }
        Err(error) => Answer::from(error).into_response(),
    }
}

fn worth_a_row(response: &Response) -> Option<(Action, &'static str)> {
    match response.extensions().get::<LayerRefusal>() {
        Some(LayerRefusal::CrossOrigin) => {
            return Some((Action::AuthCsrfRejected, "request from another site"));
        }
        Some(LayerRefusal::Csrf(_)) => {
            return Some((Action::AuthCsrfRejected, "CSRF token missing, invalid or expired"));
        }
        Some(LayerRefusal::RateLimited(_)) => return Some((Action::AuthRateLimited, "too many requests")),
        Some(_) => return None,
        None => {}
    }
    match response.extensions().get::<Problem>()?.code {
        "forbidden" => Some((Action::AuthAccessDenied, "the roles do not allow it")),
        "last_admin" => Some((Action::AuthAccessDenied, LAST_ADMIN)),
        "internal_error" => Some((Action::SystemFault, "the server failed; its log tells why")),
        _ => None,
    }
}

async fn write(
    state: &AppState,
    arrival: &Arrival,
    action: Action,
    why: &'static str,
) -> Result<(), accounts::Error> {
    metrics::counter!("signupflow_refusals_total", "action" => action.as_str()).increment(1);
    let (context, principal) = (arrival.context(), arrival.principal());
    let whom = principal.as_ref().map_or(context.address_bucket.as_str(), Principal::person_id);
    let actor = principal.as_ref().map_or_else(|| Actor::anonymous(""), Actor::principal);
    let target = format!("{} {}", arrival.method(), arrival.uri().path());
    let shown: String = target.chars().filter(|c| !c.is_control()).take(200).collect();
    let refused = Happening::refused(action, Resource::new("request", shown), why);
    // Who tries to leave an organization without an admin is told apart from who lacks rights.
    let kind = if why == LAST_ADMIN { "last_admin:" } else { "" };
    put_on_record(&state.services, &context, &actor, refused, &format!("{action}:{kind}{whom}"), WINDOW).await
}
