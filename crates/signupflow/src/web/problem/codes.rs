//! Every code a refusal can carry, with its status and its words.
//!
//! One row per code. The API reference is generated from this list, so that a code can neither be sent
//! without being documented nor documented without existing.

use axum::http::StatusCode;

pub use super::code_info::CodeInfo;
use super::code_info::row;

/// The code whose row stands in for a code that is not in the registry.
pub(super) const FALLBACK: &CodeInfo = &row(
    "internal_error",
    StatusCode::INTERNAL_SERVER_ERROR,
    "Internal error",
    "Something went wrong on our side. Nothing was changed; report the request id if it happens again.",
);

/// The registry, by status.
pub const CODES: &[CodeInfo] = &[
    row(
        "invalid_json",
        StatusCode::BAD_REQUEST,
        "Invalid JSON",
        "The body is not one well-formed JSON text in UTF-8.",
    ),
    row(
        "duplicate_field",
        StatusCode::BAD_REQUEST,
        "Duplicate field",
        "A field or parameter was given more than once; give it once.",
    ),
    row(
        "token_invalid",
        StatusCode::BAD_REQUEST,
        "Link no longer valid",
        "The token of the mailed link is wrong, was used already, or has expired. Ask for a new mail.",
    ),
    row(
        "invalid_request",
        StatusCode::BAD_REQUEST,
        "Invalid request",
        "The request is malformed or contradicts itself.",
    ),
    row(
        "unauthenticated",
        StatusCode::UNAUTHORIZED,
        "Not signed in",
        "This needs a live session, and the request carries none. Sign in.",
    ),
    row(
        "invalid_credentials",
        StatusCode::UNAUTHORIZED,
        "Sign-in refused",
        "The e-mail, the password, the code or the temporary token is not right.",
    ),
    row(
        "step_up_required",
        StatusCode::UNAUTHORIZED,
        "Confirm that it is you",
        "This act needs a password check within the last 10 minutes: POST /api/auth/reauthenticate, then try again.",
    ),
    row(
        "csrf_missing",
        StatusCode::FORBIDDEN,
        "CSRF token missing",
        "CSRF token missing. Send the session's token in the X-CSRF-Token header or the csrf_token form field.",
    ),
    row(
        "csrf_invalid",
        StatusCode::FORBIDDEN,
        "CSRF token invalid",
        "CSRF token invalid. It belongs to another session or was altered; get one at GET /api/auth/csrf.",
    ),
    row(
        "csrf_expired",
        StatusCode::FORBIDDEN,
        "CSRF token expired",
        "CSRF token expired. Get a fresh one at GET /api/auth/csrf and send the request again.",
    ),
    row(
        "cross_origin",
        StatusCode::FORBIDDEN,
        "Cross-origin request refused",
        "A page of another origin may not send this request.",
    ),
    row("forbidden", StatusCode::FORBIDDEN, "Not allowed", "Your roles do not allow this."),
    row(
        "wrong_password",
        StatusCode::FORBIDDEN,
        "Wrong password",
        "The password is not right. Your session goes on.",
    ),
    row(
        "wrong_code",
        StatusCode::FORBIDDEN,
        "Wrong code",
        "The code is not right or was used already. Your session goes on.",
    ),
    row(
        "second_factor_unavailable",
        StatusCode::FORBIDDEN,
        "Codes from the app are switched off",
        "Too many wrong codes in a row: sign in with a recovery code, or ask an admin to reset the second factor.",
    ),
    row(
        "2fa_setup_required",
        StatusCode::FORBIDDEN,
        "Second factor required",
        "Your organization requires two-factor authentication. Set it up before anything else.",
    ),
    row(
        "signup_closed",
        StatusCode::FORBIDDEN,
        "Sign-up by invitation only",
        "This organization does not take open sign-ups. Ask one of its admins for an invitation.",
    ),
    row(
        "invitation_for_other",
        StatusCode::FORBIDDEN,
        "Invitation for another address",
        "The invitation was sent to another e-mail address. Sign up with the invited one.",
    ),
    row(
        "https_required",
        StatusCode::FORBIDDEN,
        "HTTPS required",
        "This server answers its API over HTTPS only.",
    ),
    row(
        "not_found",
        StatusCode::NOT_FOUND,
        "Not found",
        "There is nothing here under this name, or nothing of yours.",
    ),
    row(
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "This address does not take this method; the Allow header lists those it takes.",
    ),
    row(
        "request_timeout",
        StatusCode::REQUEST_TIMEOUT,
        "Request too slow",
        "The body did not arrive in time. Send the request again.",
    ),
    row(
        "email_taken",
        StatusCode::CONFLICT,
        "E-mail taken",
        "An account with this e-mail exists. Sign in, or reset its password.",
    ),
    row("name_taken", StatusCode::CONFLICT, "Name taken", "This name is in use. Choose another."),
    row(
        "other_admins",
        StatusCode::CONFLICT,
        "Other admins are left",
        "Only an organization's last admin can delete it. Delete or demote the other admins first.",
    ),
    row(
        "last_admin",
        StatusCode::CONFLICT,
        "Last admin",
        "An organization's last admin can be neither demoted, locked nor deleted. Make another admin first.",
    ),
    row(
        "2fa_already_enabled",
        StatusCode::CONFLICT,
        "Second factor active",
        "Two-factor authentication is active already. To change the device, disable it and set it up again.",
    ),
    row(
        "2fa_not_enabled",
        StatusCode::CONFLICT,
        "No second factor",
        "Two-factor authentication is not active.",
    ),
    row(
        "2fa_not_started",
        StatusCode::CONFLICT,
        "Nothing to confirm",
        "Begin with POST /api/auth/2fa/enable, and confirm within 15 minutes.",
    ),
    row(
        "own_second_factor",
        StatusCode::CONFLICT,
        "Your own second factor",
        "Your own second factor is removed with a code, at /api/auth/2fa/disable, or by another admin.",
    ),
    row(
        "invitation_open",
        StatusCode::CONFLICT,
        "Already invited",
        "An invitation to this address is still open. Revoke it to send another.",
    ),
    row(
        "conflict",
        StatusCode::CONFLICT,
        "Conflict",
        "The request does not fit the present state, perhaps because somebody else was faster. Reload and try again.",
    ),
    row(
        "idempotency_in_progress",
        StatusCode::CONFLICT,
        "Still being carried out",
        "A request with this Idempotency-Key is being carried out. Wait a moment, then send it again.",
    ),
    row(
        "payload_too_large",
        StatusCode::PAYLOAD_TOO_LARGE,
        "Body too large",
        "The body is larger than this address accepts.",
    ),
    row(
        "uri_too_long",
        StatusCode::URI_TOO_LONG,
        "Address too long",
        "The address of the request is longer than 8 KiB.",
    ),
    row(
        "unsupported_media_type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Unsupported media type",
        "Send the body as application/json in UTF-8, without a content encoding.",
    ),
    row(
        "host_unknown",
        StatusCode::MISDIRECTED_REQUEST,
        "Unknown host",
        "This server does not answer for the host named in the request.",
    ),
    row(
        "invalid_input",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid input",
        "Some of the input is not acceptable; see errors.",
    ),
    row(
        "idempotency_key_reused",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Idempotency-Key used before",
        "This Idempotency-Key was used for another request within a day. Give every request a key of its own.",
    ),
    row(
        "headers_too_large",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Headers too large",
        "The request has too many headers, or too large ones.",
    ),
    row(
        "account_locked",
        StatusCode::TOO_MANY_REQUESTS,
        "Account locked",
        "Too many failed attempts. Wait until the lock ends, or use the unlock link that was mailed.",
    ),
    row(
        "rate_limited",
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests",
        "Too many requests. Wait, then try again.",
    ),
    *FALLBACK,
    row(
        "busy",
        StatusCode::SERVICE_UNAVAILABLE,
        "Busy",
        "The server is at its limit just now. Try again in a moment.",
    ),
    row(
        "backend_unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        "Temporarily unavailable",
        "Something this request needs does not answer just now. Nothing was changed; try again in a moment.",
    ),
    row(
        "shutting_down",
        StatusCode::SERVICE_UNAVAILABLE,
        "Shutting down",
        "This server is about to stop. Another one, or the next one, takes new requests.",
    ),
    row(
        "outcome_unknown",
        StatusCode::SERVICE_UNAVAILABLE,
        "Outcome unknown",
        "The answer was lost while this was being saved: it may have been saved, or not. Look before you repeat it.",
    ),
];

/// The row of `code`, if it has one.
pub fn find(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|info| info.code == code)
}
