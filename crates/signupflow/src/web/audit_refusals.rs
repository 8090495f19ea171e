//! Refusals that speak of an attempt are put on record: CSRF, other sites, missing rights, reached limits; and so are
//! faults of the server's own. One row per kind, client and minute, and one that counts the rest of them.

use std::time::Duration;

use accounts::audit_trail::{Actor, Happening};
use accounts::refusal_record::put_on_record;
use accounts::{Principal, RequestContext};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hardening::audit::{Action, Resource};
use hardening_tower::Refusal as LayerRefusal;
use hardening_tower::session::SessionState;

use super::extract::context_of;
use super::problem::Problem;
use super::refusals::Answer;
use super::state::AppState;

/// Marks a response whose refusal is on record, so that an outer pass leaves it alone.
#[derive(Clone, Copy)]
struct OnRecord;

/// The window in which those like the first are only counted.
const WINDOW: Duration = Duration::from_mins(1);

/// Looks at the answer and records what should be.
pub async fn record(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let context = context_of(&parts);
    let principal = match parts.extensions.get::<SessionState>() {
        Some(SessionState::SignedIn(session, _)) => Some(Principal::new(session.clone())),
        _ => None,
    };
    let target = format!("{} {}", parts.method, parts.uri.path());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some((action, why)) = worth_a_row(&response) else { return response };
    response.extensions_mut().insert(OnRecord);
    match write(&state, &context, principal.as_ref(), action, &target, why).await {
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
    if response.extensions().get::<OnRecord>().is_some() {
        return None;
    }
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
        "internal_error" => Some((Action::SystemFault, "the server failed; its log tells why")),
        _ => None,
    }
}

async fn write(
    state: &AppState,
    context: &RequestContext,
    principal: Option<&Principal>,
    action: Action,
    target: &str,
    why: &str,
) -> Result<(), accounts::Error> {
    metrics::counter!("signupflow_refusals_total", "action" => action.as_str()).increment(1);
    let whom = principal.map_or(context.address_bucket.as_str(), Principal::person_id);
    let actor = principal.map_or_else(|| Actor::anonymous(""), Actor::principal);
    let shown: String = target.chars().filter(|c| !c.is_control()).take(200).collect();
    let refused = Happening::refused(action, Resource::new("request", shown), why);
    put_on_record(&state.services, context, &actor, refused, &format!("{action}:{whom}"), WINDOW).await
}
