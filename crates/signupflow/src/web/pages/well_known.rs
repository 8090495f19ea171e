//! Small documents at agreed places.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::CONTENT_TYPE;

use crate::web::state::AppState;

/// RFC 9116 asks for an expiry less than a year ahead.
const SECURITY_TXT_LIFE: Duration = Duration::from_hours(4320);

/// Where to report a vulnerability (RFC 9116).
pub async fn security_txt(State(state): State<AppState>) -> Response {
    let expires = state.services.clock.now() + SECURITY_TXT_LIFE;
    let midnight = expires.unix_seconds() - expires.unix_seconds() % 86_400;
    let expires = hardening::clock::Timestamp::from_unix_seconds(midnight);
    let text = format!(
        "Contact: {}\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {}/.well-known/security.txt\n",
        state.security_contact, state.public_url
    );
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Where password managers send people to change their password.
pub async fn change_password() -> Redirect {
    Redirect::to("/account/security")
}

/// Nothing here is for search engines.
pub async fn robots() -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], "User-agent: *\nDisallow: /\n").into_response()
}
