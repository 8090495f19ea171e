//! Signing in: the password, and what is needed after it.

use accounts::Refusal;
use accounts::input::Judge;
use accounts::sign_in::{self, Outcome as SignInOutcome, SignIn};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::secret::Secret;
use http::StatusCode;
use http::header::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bodies::{SecretText, SignedInBody, never_kept, signed_in_response};
use crate::web::admission::admitted;
use crate::web::cookies;
use crate::web::extract::Context;
use crate::web::json::Json;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// What a sign-in brings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// E-mail address.
    #[schema(format = Email)]
    pub email: String,
    /// Password.
    pub password: SecretText,
    /// From an earlier sign-in on this device; browsers send the cookie instead.
    pub device_token: Option<SecretText>,
}

/// The password was right, and a code is needed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorNeededBody {
    /// True.
    #[serde(rename = "2fa_required")]
    pub two_factor_required: bool,
    /// For `/api/auth/2fa/verify`, within five minutes; it opens nothing else.
    pub temp_token: String,
    /// What to do.
    pub message: String,
}

/// The password was right, and a second factor must be set up before anything else.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetUpNeededBody {
    /// True.
    #[serde(rename = "2fa_setup_required")]
    pub two_factor_setup_required: bool,
    /// As bearer for `/api/auth/2fa/enable` and `/api/auth/2fa/verify-setup`, within fifteen minutes; it opens
    /// nothing else, and needs no CSRF token.
    pub temp_token: String,
    /// What to do.
    pub message: String,
}

/// What a right password leads to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LoginAnswer {
    /// A session.
    SignedIn(Box<SignedInBody>),
    /// A code is needed.
    SecondFactorNeeded(SecondFactorNeededBody),
    /// A second factor must be set up.
    SetUpNeeded(SetUpNeededBody),
}

/// Sign in; where there is a second factor, this is the first step.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginBody, responses(
    (status = 200, description = "Signed in, or what is needed for it", body = LoginAnswer),
    (status = 401, description = "invalid_credentials", body = ProblemBody),
    (status = 429, description = "account_locked, rate_limited", body = ProblemBody),
    (status = "4XX", description = "invalid_input", body = ProblemBody),
))]
pub async fn login(
    State(state): State<AppState>,
    Context(context): Context,
    headers: HeaderMap,
    Json(body): Json<LoginBody>,
) -> Outcome<Response> {
    let mut judge = Judge::new();
    let email = judge.email("email", &body.email);
    judge.verdict()?;
    let email = email.ok_or_else(|| Refusal::field("email", "is required"))?;
    let cookie = cookies::read(&headers, cookies::device_cookie_name(state.secure_cookies));
    // A client that remembers an old token may still have a good cookie.
    let told = body.device_token.map(|token| token.0);
    let device_tokens = told.into_iter().chain(cookie.map(|text| Secret::new(text.to_owned()))).collect();
    let input = SignIn { email, password: body.password.0, device_tokens };
    let services = state.services.clone();
    let outcome = admitted(&state, async move { sign_in::sign_in(&services, &context, input).await }).await?;
    Ok(match outcome {
        SignInOutcome::SignedIn(signed_in) => signed_in_response(&state, StatusCode::OK, *signed_in, None),
        SignInOutcome::SecondFactorNeeded(token) => {
            never_kept(axum::Json(second_factor_needed(&token)).into_response())
        }
        SignInOutcome::SetUpNeeded(token) => never_kept(axum::Json(set_up_needed(&token)).into_response()),
    })
}

fn second_factor_needed(token: &Secret<String>) -> SecondFactorNeededBody {
    SecondFactorNeededBody {
        two_factor_required: true,
        temp_token: token.expose().clone(),
        message: "Give the code of your app, or a recovery code, at /api/auth/2fa/verify within 5 minutes."
            .to_owned(),
    }
}

fn set_up_needed(token: &Secret<String>) -> SetUpNeededBody {
    SetUpNeededBody {
        two_factor_setup_required: true,
        temp_token: token.expose().clone(),
        message:
            "Your organization requires two-factor authentication: set it up at /api/auth/2fa/enable within \
                  15 minutes, with temp_token as bearer."
                .to_owned(),
    }
}
