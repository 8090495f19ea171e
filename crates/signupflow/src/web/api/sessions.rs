//! One's own sessions.

use accounts::manage_sessions;
use axum::extract::State;
use hardening::clock::Timestamp;
use hardening::session::Session;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::{MessageBody, message};
use crate::web::extract::{Context, PathId, SignedIn};
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// A signed-in device.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// `session_…`
    pub session_id: String,
    /// `desktop`, `mobile`, `api` or `unknown`.
    pub device_type: String,
    /// Such as `Firefox 128`.
    pub browser: String,
    /// Such as `Windows 10`.
    pub os: String,
    /// Where it signed in.
    pub ip_address: String,
    /// When it signed in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = String, format = DateTime)]
    pub last_activity: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// One's own sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsBody {
    /// Newest first.
    pub sessions: Vec<SessionBody>,
    /// How many.
    pub total: usize,
}

fn body(session: Session, current: &Session) -> SessionBody {
    SessionBody {
        current: session.id == current.id,
        session_id: session.id.to_string(),
        device_type: session.client.device_type,
        browser: session.client.browser,
        os: session.client.os,
        ip_address: session.client.ip_address,
        created_at: session.created_at,
        last_activity: session.last_activity,
    }
}

/// The devices that are signed in to your account.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 200, description = "Newest first", body = SessionsBody),
    (status = 401, description = "unauthenticated", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
) -> Outcome<axum::Json<SessionsBody>> {
    let found = manage_sessions::list_own(&state.services, &principal).await?;
    let sessions: Vec<_> = found.into_iter().map(|session| body(session, &principal.session)).collect();
    Ok(axum::Json(SessionsBody { total: sessions.len(), sessions }))
}

/// Sign one device out.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "`session_…`")), responses(
    (status = 200, description = "Ended", body = MessageBody),
    (status = 404, description = "not_found", body = ProblemBody),
))]
pub async fn end_one(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    PathId(id): PathId,
    _: NoBody,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    run_to_end(async move { manage_sessions::end_own(&services, &context, &principal, &id).await }).await?;
    Ok(message("The session was ended."))
}

/// Sign every other device out.
#[utoipa::path(delete, path = "/api/sessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 200, description = "All but this one ended", body = MessageBody),
    (status = 401, description = "unauthenticated", body = ProblemBody),
))]
pub async fn end_others(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    _: NoBody,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    let ended =
        run_to_end(async move { manage_sessions::end_others(&services, &context, &principal).await }).await?;
    Ok(message(&format!("{ended} other sessions were ended.")))
}
