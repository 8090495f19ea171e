//! Signing up and out; passwords.

use accounts::input::{Judge, stored_tag};
use accounts::sign_up::{Joining, SignUp};
use accounts::{Refusal, change_password, manage_sessions, reauthenticate, sign_up};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wording::Language;

use super::bodies::{
    MessageBody, SecretText, SignedInBody, issue_tokens, message, signed_in_response, with_device_cookie,
};
use super::two_factor::read_code;
use crate::web::admission::admitted;
use crate::web::extract::{Context, MayLackFactor, SignedIn};
use crate::web::json::Json;
use crate::web::no_body::NoBody;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// What a signup brings: exactly one of `org_name`, `org_id` and `invitation_token`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupBody {
    /// 1 to 120 characters.
    pub name: String,
    /// One address; unique over all organizations.
    #[schema(format = Email)]
    pub email: String,
    /// Hard to guess, 15 to 128 characters by default.
    pub password: SecretText,
    /// Founds an organization of this name; you become its admin.
    pub org_name: Option<String>,
    /// Joins this organization as volunteer, if it has open signup.
    pub org_id: Option<String>,
    /// Joins with the invited roles; only with the invited address.
    pub invitation_token: Option<SecretText>,
}

fn joining(judge: &mut Judge, body: &SignupBody) -> Option<Joining> {
    match (&body.org_name, &body.org_id, &body.invitation_token) {
        (Some(name), None, None) => Some(Joining::NewOrganization(judge.line("org_name", name, 120))),
        (None, Some(id), None) => Some(Joining::OpenOrganization(judge.id("org_id", id))),
        (None, None, Some(token)) => Some(Joining::Invitation(token.0.clone())),
        _ => {
            judge.refuse("org_name", "give exactly one of org_name, org_id and invitation_token");
            None
        }
    }
}

/// The language of mails that the client asks for, as it is stored.
pub(in crate::web) fn language(headers: &HeaderMap) -> String {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    stored_tag(wanted.map(Language::from_accept_language).unwrap_or_default()).to_owned()
}

/// Sign up, and be signed in.
#[utoipa::path(post, path = "/api/auth/signup", tag = "auth", request_body = SignupBody, responses(
    (status = 201, description = "Signed up and signed in", body = SignedInBody),
    (status = "4XX", description = "email_taken, invalid_input, signup_closed, token_invalid, rate_limited", body = ProblemBody),
))]
pub async fn signup(
    State(state): State<AppState>,
    Context(context): Context,
    headers: HeaderMap,
    Json(body): Json<SignupBody>,
) -> Outcome<Response> {
    let mut judge = Judge::new();
    let name = judge.line("name", &body.name, 120);
    let email = judge.email("email", &body.email);
    let joining = joining(&mut judge, &body);
    judge.verdict()?;
    let (Some(email), Some(joining)) = (email, joining) else {
        return Err(Refusal::field("email", "is required").into());
    };
    let input = SignUp { name, email, password: body.password.0, joining, language: language(&headers) };
    let services = state.services.clone();
    let signed_in =
        admitted(&state, async move { sign_up::sign_up(&services, &context, input).await }).await?;
    Ok(signed_in_response(&state, StatusCode::CREATED, signed_in, None))
}

/// Sign out: the session is gone.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security(("bearer" = [])), responses(
    (status = 204, description = "Signed out"),
    (status = "4XX", description = "unauthenticated, csrf_missing", body = ProblemBody),
))]
pub async fn logout(
    State(state): State<AppState>,
    Context(context): Context,
    MayLackFactor(principal): MayLackFactor,
    _: NoBody,
) -> Outcome<Response> {
    let services = state.services.clone();
    run_to_end(async move { manage_sessions::sign_out(&services, &context, &principal).await }).await?;
    let clear =
        (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    Ok((StatusCode::NO_CONTENT, [clear]).into_response())
}

/// A CSRF token.
#[derive(Debug, Serialize, ToSchema)]
pub struct CsrfBody {
    /// Valid beside older ones until its time is over or the session ends.
    pub csrf_token: String,
}

/// A fresh CSRF token for this session.
#[utoipa::path(get, path = "/api/auth/csrf", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, description = "A fresh token", body = CsrfBody),
    (status = 401, description = "unauthenticated", body = ProblemBody),
))]
pub async fn csrf(
    State(state): State<AppState>,
    MayLackFactor(principal): MayLackFactor,
) -> Outcome<axum::Json<CsrfBody>> {
    let services = &state.services;
    let token = state.csrf.issue(&principal.session.id, services.clock.now(), &*state.nonces);
    Ok(axum::Json(CsrfBody { csrf_token: token.expose().clone() }))
}

/// Old and new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The present one.
    pub old_password: SecretText,
    /// Hard to guess, 15 to 128 characters by default.
    pub new_password: SecretText,
}

/// The session that replaces all others.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordChangedBody {
    /// What was done.
    pub message: String,
    /// The new bearer; the old one is void.
    pub token: String,
    /// Its CSRF token.
    pub csrf_token: String,
    /// Its session.
    pub session_id: String,
    /// For this device; those of other devices are void.
    pub device_token: String,
}

/// Replace the password: every other session, and the old token, is gone.
#[utoipa::path(put, path = "/api/auth/password", tag = "auth", security(("bearer" = [])), request_body = PasswordBody, responses(
    (status = 200, description = "Replaced", body = PasswordChangedBody),
    (status = 403, description = "wrong_password, csrf_missing", body = ProblemBody),
    (status = "4XX", description = "unauthenticated, invalid_input, account_locked", body = ProblemBody),
))]
pub async fn password(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<PasswordBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let signed_in = admitted(&state, async move {
        let (old, new) = (body.old_password.0, body.new_password.0);
        change_password::change_password(&services, &context, &principal, &old, &new).await
    })
    .await?;
    let tokens = issue_tokens(&state, &signed_in);
    let body = PasswordChangedBody {
        message: "The password was changed, and every other device was signed out.".to_owned(),
        token: tokens.token.expose().clone(),
        csrf_token: tokens.csrf_token.expose().clone(),
        session_id: signed_in.session.id.to_string(),
        device_token: signed_in.device_token.expose().clone(),
    };
    Ok(with_device_cookie(axum::Json(body).into_response(), &state, &signed_in.device_token))
}

/// The password again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReauthenticateBody {
    /// The present password.
    pub password: SecretText,
    /// The second factor's code, for accounts that have one.
    pub code: Option<SecretText>,
}

/// Give the password again, and a code where there is a second factor: the session counts as fresh for ten minutes.
#[utoipa::path(post, path = "/api/auth/reauthenticate", tag = "auth", security(("bearer" = [])), request_body = ReauthenticateBody, responses(
    (status = 200, description = "Fresh", body = MessageBody),
    (status = 403, description = "wrong_password, wrong_code, second_factor_unavailable, csrf_missing", body = ProblemBody),
    (status = "4XX", description = "unauthenticated, invalid_input, account_locked", body = ProblemBody),
))]
pub async fn reauthenticate(
    State(state): State<AppState>,
    Context(context): Context,
    MayLackFactor(principal): MayLackFactor,
    Json(body): Json<ReauthenticateBody>,
) -> Outcome<axum::Json<MessageBody>> {
    let code = body.code.map(|code| read_code(&code)).transpose()?;
    let services = state.services.clone();
    admitted(&state, async move {
        reauthenticate::reauthenticate(&services, &context, &principal, &body.password.0, code.as_ref()).await
    })
    .await?;
    Ok(message("The session counts as fresh for 10 minutes."))
}
