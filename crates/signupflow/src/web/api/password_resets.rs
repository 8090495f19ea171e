//! A forgotten password: asking for a link, looking at it, setting a new one with it.

use accounts::input::Judge;
use accounts::password_reset;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::{MessageBody, SecretText, message, never_kept};
use crate::web::admission::admitted;
use crate::web::extract::Context;
use crate::web::json::Json;
use crate::web::openapi::ProblemBody;
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// The longest text that is looked at as a token, in characters; ours have 43.
const LONGEST_TOKEN: usize = 200;

/// Whose password was forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequestBody {
    /// E-mail address.
    #[schema(format = Email)]
    pub email: String,
}

/// Ask for a link that sets a new password; the answer is the same whether the address has an account or not.
#[utoipa::path(post, path = "/api/auth/password-reset-request", tag = "auth", request_body = ResetRequestBody, responses(
    (status = 200, description = "A mail is on its way, if the address has an account", body = MessageBody),
    (status = 429, description = "rate_limited: too many requests from this network address", body = ProblemBody),
    (status = "4XX", description = "invalid_input", body = ProblemBody),
))]
pub async fn request(
    State(state): State<AppState>,
    Context(context): Context,
    Json(body): Json<ResetRequestBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    admitted(&state, async move { password_reset::request(&services, &context, &body.email).await }).await?;
    Ok(never_kept(message(password_reset::ASKED).into_response()))
}

/// The token of a reset link.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// From the link in the mail.
    pub token: String,
}

/// Whether a link works.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkBody {
    /// Whether it can set a new password.
    pub valid: bool,
    /// The address it was mailed to, masked (`u***@example.com`); null when it does not work.
    pub email: Option<String>,
}

/// Whether a reset link works. Looking does not use it up.
#[utoipa::path(get, path = "/api/auth/password-reset-validate", tag = "auth", params(LinkQuery), responses(
    (status = 200, description = "Whether it works, and for whom", body = LinkBody),
    (status = "4XX", description = "invalid_input, rate_limited", body = ProblemBody),
))]
pub async fn validate(State(state): State<AppState>, Query(query): Query<LinkQuery>) -> Outcome<Response> {
    let mut judge = Judge::new();
    let token = judge.line("token", &query.token, LONGEST_TOKEN);
    judge.verdict()?;
    let email = password_reset::masked_address_of(&state.services, &token).await?;
    Ok(never_kept(axum::Json(LinkBody { valid: email.is_some(), email }).into_response()))
}

/// The link, and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// From the link in the mail.
    pub token: SecretText,
    /// Hard to guess, 15 to 128 characters by default.
    pub new_password: SecretText,
}

/// Set a new password by the mailed link: every session ends, known devices are strangers again, locks for wrong
/// passwords are lifted; a second factor stays.
#[utoipa::path(post, path = "/api/auth/password-reset-confirm", tag = "auth", request_body = ResetBody, responses(
    (status = 200, description = "Set; sign in with it", body = MessageBody),
    (status = 400, description = "token_invalid: the link was used, has expired, or is wrong", body = ProblemBody),
    (status = 422, description = "invalid_input; the link can still be used", body = ProblemBody),
    (status = 429, description = "rate_limited: too many refused links", body = ProblemBody),
))]
pub async fn confirm(
    State(state): State<AppState>,
    Context(context): Context,
    Json(body): Json<ResetBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    admitted(&state, async move {
        password_reset::confirm(&services, &context, &body.token.0, &body.new_password.0).await
    })
    .await?;
    Ok(never_kept(message(password_reset::DONE).into_response()))
}
