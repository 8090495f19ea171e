//! One's own second factor, and the second step of signing in.

use accounts::Refusal;
use accounts::two_factor::{self, enrol, manage, sign_in_step};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::two_factor::{QrCode, RecoveryCode, TypedCode};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bodies::{
    MessageBody, SecretText, SignedInBody, few_codes_warning, message, never_kept, signed_in_response,
};
use crate::web::admission::admitted;
use crate::web::extract::{Context, Enrolling, MayLackFactor, SignedIn};
use crate::web::json::Json;
use crate::web::openapi::ProblemBody;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// How one's own second factor stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct TwoFactorBody {
    /// Whether it is active.
    pub enabled: bool,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Timestamp>,
    /// Unused recovery codes.
    pub recovery_codes_left: u32,
    /// Whether too many wrong codes in a row switched the app's codes off.
    pub app_codes_off: bool,
    /// Whether your organization asks you for one, now or from the deadline on.
    pub required_by_org: bool,
    /// From when on nothing else works without.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// Days until then, begun ones included.
    pub days_left: Option<u64>,
    /// What to do when few recovery codes are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
}

/// How your second factor stands.
#[utoipa::path(get, path = "/api/auth/2fa", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, description = "How it stands", body = TwoFactorBody),
    (status = 401, description = "unauthenticated", body = ProblemBody),
))]
pub async fn status(
    State(state): State<AppState>,
    MayLackFactor(principal): MayLackFactor,
) -> Outcome<axum::Json<TwoFactorBody>> {
    let status = two_factor::status(&state.services, &principal).await?;
    let warning = few_codes_warning(status.recovery_codes_left).filter(|_| status.enabled);
    Ok(axum::Json(TwoFactorBody {
        enabled: status.enabled,
        verified_at: status.verified_at,
        recovery_codes_left: status.recovery_codes_left,
        app_codes_off: status.app_codes_off,
        required_by_org: status.required,
        deadline: status.deadline,
        days_left: status.days_left,
        warning,
    }))
}

/// The password again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableBody {
    /// The present password. May be left out where a set-up `temp_token` is the bearer.
    pub password: Option<SecretText>,
}

/// Shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferBody {
    /// For typing into an app: unpadded Base32.
    pub secret: String,
    /// The same as a link.
    pub otpauth_uri: String,
    /// The link as a picture to scan: `data:image/png;base64,…`.
    pub qr_code: String,
    /// Ten codes for the day the app is gone; each works once. They count once the second factor is active.
    pub recovery_codes: Vec<String>,
}

fn shown(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.to_text().expose().clone()).collect()
}

/// Begin to set a second factor up. Nothing is active until `verify-setup`, and an active one stays as it is.
#[utoipa::path(post, path = "/api/auth/2fa/enable", tag = "auth", security(("bearer" = [])), request_body = EnableBody, responses(
    (status = 200, description = "To be scanned, and to be kept", body = OfferBody),
    (status = 401, description = "unauthenticated, step_up_required, invalid_credentials (temp_token)", body = ProblemBody),
    (status = 403, description = "wrong_password, csrf_missing", body = ProblemBody),
    (status = 409, description = "2fa_already_enabled", body = ProblemBody),
    (status = "4XX", description = "invalid_input, account_locked", body = ProblemBody),
))]
pub async fn enable(
    State(state): State<AppState>,
    Context(context): Context,
    Enrolling(enroller): Enrolling,
    Json(body): Json<EnableBody>,
) -> Outcome<Response> {
    let services = state.services.clone();
    let offer = admitted(&state, async move {
        let password = body.password.map(|password| password.0);
        enrol::begin(&services, &context, &enroller, password.as_ref()).await
    })
    .await?;
    let picture = QrCode::of(&offer.uri).map_err(Fault::internal)?.to_png_data_uri();
    let body = OfferBody {
        secret: offer.secret.to_base32().expose().clone(),
        otpauth_uri: offer.uri.expose().clone(),
        qr_code: picture.expose().clone(),
        recovery_codes: shown(&offer.recovery_codes),
    };
    Ok(never_kept(axum::Json(body).into_response()))
}

/// A code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// The six digits of the app.
    pub code: SecretText,
}

/// What was typed as a code.
pub(super) fn read_code(code: &SecretText) -> Result<TypedCode, Refusal> {
    TypedCode::parse(&code.0).map_err(|error| Refusal::field("code", error.to_string()))
}

/// Confirm with the app's first code: the second factor is active, and every session ends. With a set-up `temp_token`
/// as bearer you are signed in.
#[utoipa::path(post, path = "/api/auth/2fa/verify-setup", tag = "auth", security(("bearer" = [])), request_body = CodeBody, responses(
    (status = 200, description = "Active; a session where a set-up temp_token was the bearer", body = SetUpDoneBody),
    (status = 401, description = "unauthenticated, step_up_required, invalid_credentials (temp_token)", body = ProblemBody),
    (status = 403, description = "wrong_code, csrf_missing", body = ProblemBody),
    (status = 409, description = "2fa_not_started, 2fa_already_enabled, conflict", body = ProblemBody),
    (status = "4XX", description = "invalid_input, account_locked", body = ProblemBody),
))]
pub async fn verify_setup(
    State(state): State<AppState>,
    Context(context): Context,
    Enrolling(enroller): Enrolling,
    Json(body): Json<CodeBody>,
) -> Outcome<Response> {
    let code = read_code(&body.code)?;
    let services = state.services.clone();
    let signed_in =
        admitted(&state, async move { enrol::confirm(&services, &context, enroller, &code).await }).await?;
    Ok(match signed_in {
        Some(signed_in) => signed_in_response(&state, StatusCode::OK, signed_in, None),
        None => {
            message("Two-factor authentication is active, and every device was signed out. Sign in again.")
                .into_response()
        }
    })
}

/// The end of setting up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SetUpDoneBody {
    /// From inside a session.
    Message(MessageBody),
    /// From a sign-in that waited for it.
    SignedIn(Box<SignedInBody>),
}

/// The second step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    /// From `/api/auth/login`.
    pub temp_token: SecretText,
    /// The six digits of the app, or a recovery code.
    pub code: SecretText,
}

/// The second step of signing in: a code.
#[utoipa::path(post, path = "/api/auth/2fa/verify", tag = "auth", request_body = VerifyBody, responses(
    (status = 200, description = "Signed in", body = SignedInBody),
    (status = 401, description = "invalid_credentials: the code or the temp_token is not right", body = ProblemBody),
    (status = 403, description = "second_factor_unavailable: after 100 wrong codes in a row only recovery codes work", body = ProblemBody),
    (status = 429, description = "account_locked, rate_limited", body = ProblemBody),
    (status = "4XX", description = "invalid_input", body = ProblemBody),
))]
pub async fn verify(
    State(state): State<AppState>,
    Context(context): Context,
    Json(body): Json<VerifyBody>,
) -> Outcome<Response> {
    let code = read_code(&body.code)?;
    let services = state.services.clone();
    let passed = admitted(&state, async move {
        sign_in_step::verify(&services, &context, &body.temp_token.0, &code).await
    })
    .await?;
    Ok(signed_in_response(&state, StatusCode::OK, passed.signed_in, passed.recovery_codes_left))
}

/// Both factors again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BothFactorsBody {
    /// The present password.
    pub password: SecretText,
    /// The six digits of the app, or a recovery code.
    pub code: SecretText,
}

/// Switch your second factor off: every session ends.
#[utoipa::path(post, path = "/api/auth/2fa/disable", tag = "auth", security(("bearer" = [])), request_body = BothFactorsBody, responses(
    (status = 200, description = "Off", body = MessageBody),
    (status = 401, description = "unauthenticated, step_up_required", body = ProblemBody),
    (status = 403, description = "wrong_password, wrong_code, second_factor_unavailable, csrf_missing", body = ProblemBody),
    (status = 409, description = "2fa_not_enabled", body = ProblemBody),
    (status = "4XX", description = "invalid_input, account_locked", body = ProblemBody),
))]
pub async fn disable(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<BothFactorsBody>,
) -> Outcome<axum::Json<MessageBody>> {
    let code = read_code(&body.code)?;
    let services = state.services.clone();
    admitted(&state, async move {
        manage::disable(&services, &context, &principal, &body.password.0, &code).await
    })
    .await?;
    Ok(message("Two-factor authentication is off, and every device was signed out. Sign in again."))
}

/// New recovery codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodesBody {
    /// Ten; shown once.
    pub recovery_codes: Vec<String>,
}

/// New recovery codes; the old are void.
#[utoipa::path(post, path = "/api/auth/2fa/regenerate-recovery-codes", tag = "auth", security(("bearer" = [])), request_body = BothFactorsBody, responses(
    (status = 200, description = "To be kept", body = RecoveryCodesBody),
    (status = 401, description = "unauthenticated, step_up_required", body = ProblemBody),
    (status = 403, description = "wrong_password, wrong_code, second_factor_unavailable, csrf_missing", body = ProblemBody),
    (status = 409, description = "2fa_not_enabled", body = ProblemBody),
    (status = "4XX", description = "invalid_input, account_locked", body = ProblemBody),
))]
pub async fn regenerate_recovery_codes(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Json(body): Json<BothFactorsBody>,
) -> Outcome<Response> {
    let code = read_code(&body.code)?;
    let services = state.services.clone();
    let codes = admitted(&state, async move {
        manage::regenerate_recovery_codes(&services, &context, &principal, &body.password.0, &code).await
    })
    .await?;
    Ok(never_kept(axum::Json(RecoveryCodesBody { recovery_codes: shown(&codes) }).into_response()))
}
