//! Every code a refusal can carry, with its status and its words.
//!
//! One row per code. The API reference is generated from this list, so that a code can neither be sent
//! without being documented nor documented without existing.

use axum::http::StatusCode;

pub use super::code_info::CodeInfo;
use super::code_info::row;

/// The code whose row stands in for a code that is not in the registry.
pub(super) const FALLBACK: &CodeInfo =
    &row("internal_error", StatusCode::INTERNAL_SERVER_ERROR, "Internal error");

/// The registry, by status.
pub const CODES: &[CodeInfo] = &[
    row("invalid_json", StatusCode::BAD_REQUEST, "Invalid JSON"),
    row("duplicate_field", StatusCode::BAD_REQUEST, "Duplicate field"),
    row("token_invalid", StatusCode::BAD_REQUEST, "Link no longer valid"),
    row("invalid_request", StatusCode::BAD_REQUEST, "Invalid request"),
    row("unauthenticated", StatusCode::UNAUTHORIZED, "Not signed in"),
    row("invalid_credentials", StatusCode::UNAUTHORIZED, "Sign-in refused"),
    row("step_up_required", StatusCode::UNAUTHORIZED, "Confirm that it is you"),
    row("csrf_missing", StatusCode::FORBIDDEN, "CSRF token missing"),
    row("csrf_invalid", StatusCode::FORBIDDEN, "CSRF token invalid"),
    row("csrf_expired", StatusCode::FORBIDDEN, "CSRF token expired"),
    row("cross_origin", StatusCode::FORBIDDEN, "Cross-origin request refused"),
    row("forbidden", StatusCode::FORBIDDEN, "Not allowed"),
    row("wrong_password", StatusCode::FORBIDDEN, "Wrong password"),
    row("wrong_code", StatusCode::FORBIDDEN, "Wrong code"),
    row("second_factor_unavailable", StatusCode::FORBIDDEN, "Codes from the app are switched off"),
    row("2fa_setup_required", StatusCode::FORBIDDEN, "Second factor required"),
    row("signup_closed", StatusCode::FORBIDDEN, "Sign-up by invitation only"),
    row("invitation_for_other", StatusCode::FORBIDDEN, "Invitation for another address"),
    row("https_required", StatusCode::FORBIDDEN, "HTTPS required"),
    row("not_found", StatusCode::NOT_FOUND, "Not found"),
    row("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    row("request_timeout", StatusCode::REQUEST_TIMEOUT, "Request too slow"),
    row("email_taken", StatusCode::CONFLICT, "E-mail taken"),
    row("name_taken", StatusCode::CONFLICT, "Name taken"),
    row("other_admins", StatusCode::CONFLICT, "Other admins are left"),
    row("last_admin", StatusCode::CONFLICT, "Last admin"),
    row("2fa_already_enabled", StatusCode::CONFLICT, "Second factor active"),
    row("2fa_not_enabled", StatusCode::CONFLICT, "No second factor"),
    row("2fa_not_started", StatusCode::CONFLICT, "Nothing to confirm"),
    row("own_second_factor", StatusCode::CONFLICT, "Your own second factor"),
    row("invitation_open", StatusCode::CONFLICT, "Already invited"),
    row("conflict", StatusCode::CONFLICT, "Conflict"),
    row("idempotency_in_progress", StatusCode::CONFLICT, "Still being carried out"),
    row("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large"),
    row("uri_too_long", StatusCode::URI_TOO_LONG, "Address too long"),
    row("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
    row("invalid_input", StatusCode::UNPROCESSABLE_ENTITY, "Invalid input"),
    row("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key used before"),
    row("headers_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large"),
    row("account_locked", StatusCode::TOO_MANY_REQUESTS, "Account locked"),
    row("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    *FALLBACK,
    row("busy", StatusCode::SERVICE_UNAVAILABLE, "Busy"),
    row("backend_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
    row("shutting_down", StatusCode::SERVICE_UNAVAILABLE, "Shutting down"),
    row("outcome_unknown", StatusCode::SERVICE_UNAVAILABLE, "Outcome unknown"),
];

/// The row of `code`, if it has one.
pub fn find(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|info| info.code == code)
}
