//! By which transport a route takes a session: JSON routes read only a bearer, pages only the cookie.

use hardening_tower::session::Transport;
use http::request::Parts;

use super::routes::CREDENTIAL_ROUTES;

/// The rule for the session layer. Routes that check a credential of their own take no session, so no CSRF
/// token is asked for there either; the cross-origin check applies to them as to everything unsafe.
pub fn choose(parts: &Parts) -> Transport {
    let path = parts.uri.path();
    if is_public(path) || CREDENTIAL_ROUTES.contains(&path) {
        Transport::None
    } else if path.starts_with("/api/") {
        Transport::Bearer
    } else {
        Transport::Cookie
    }
}

fn is_public(path: &str) -> bool {
    const PUBLIC: [&str; 9] = [
        "/health",
        "/ready",
        "/docs",
        "/openapi.json",
        "/forgot-password",
        "/reset-password",
        "/invitation",
        "/unlock",
        "/not-me",
    ];
    PUBLIC.contains(&path) || path.starts_with("/static/") || path.starts_with("/.well-known/")
}
