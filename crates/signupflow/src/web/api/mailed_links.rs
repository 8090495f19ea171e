//! What the links in mails do: unlocking an account, and locking one that somebody else uses.

use accounts::lockouts;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::bodies::{MessageBody, SecretText, message};
use crate::web::admission::admitted;
use crate::web::extract::Context;
use crate::web::json::Json;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// A mailed token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailedTokenBody {
    /// From the link in the mail.
    pub token: SecretText,
}

/// Lift the lock of an account by the mailed link.
#[utoipa::path(post, path = "/api/auth/unlock", tag = "auth", request_body = MailedTokenBody, responses(
    (status = 200, description = "Unlocked. After 100 failures in a row the message says that unknown devices stay \
        locked out until the password is reset or changed", body = MessageBody),
    (status = 400, description = "token_invalid", body = ProblemBody),
))]
pub async fn unlock(
    State(state): State<AppState>,
    Context(context): Context,
    Json(body): Json<MailedTokenBody>,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    let open = admitted(&state, async move {
        lockouts::unlock_by_link(&services, &context, body.token.0.expose()).await
    })
    .await?;
    Ok(message(if open { lockouts::OPEN_AGAIN } else { lockouts::STRANGERS_STAY_OUT }))
}

/// Lock an account by the "this wasn't me" link.
#[utoipa::path(post, path = "/api/auth/not-me", tag = "auth", request_body = MailedTokenBody, responses(
    (status = 200, description = "Locked", body = MessageBody),
    (status = 400, description = "token_invalid", body = ProblemBody),
))]
pub async fn not_me(
    State(state): State<AppState>,
    Context(context): Context,
    Json(body): Json<MailedTokenBody>,
) -> Outcome<axum::Json<MessageBody>> {
    let services = state.services.clone();
    admitted(&state, async move { lockouts::lock_by_link(&services, &context, body.token.0.expose()).await })
        .await?;
    Ok(message("The account is locked and every device was signed out. An admin can open it again."))
}
