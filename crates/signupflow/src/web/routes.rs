//! Which handler answers where.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::{
    audit, audit_export, auth, events, invitations, lockouts, login, mailed_links, organizations,
    password_resets, people, reports, sessions, teams, two_factor, two_factor_admin,
};
use super::pages::docs::Documents;
use super::state::AppState;
use super::{health, openapi, pages};

/// Routes that check a credential themselves and do not ride on a session: no CSRF token is asked for. The
/// cross-origin check applies to them as to everything unsafe.
pub const CREDENTIAL_ROUTES: [&str; 8] = [
    "/api/auth/signup",
    "/api/auth/login",
    "/api/auth/2fa/verify",
    "/api/auth/password-reset-request",
    "/api/auth/password-reset-confirm",
    "/api/auth/unlock",
    "/api/auth/not-me",
    "/api/csp-reports",
];

/// The JSON API and the operators' endpoints: everything that is in the OpenAPI document.
pub fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(auth::signup))
        .routes(routes!(login::login))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::csrf))
        .routes(routes!(auth::password))
        .routes(routes!(auth::reauthenticate))
        .routes(routes!(two_factor::status))
        .routes(routes!(two_factor::enable))
        .routes(routes!(two_factor::verify_setup))
        .routes(routes!(two_factor::verify))
        .routes(routes!(two_factor::disable))
        .routes(routes!(two_factor::regenerate_recovery_codes))
        .routes(routes!(password_resets::request))
        .routes(routes!(password_resets::validate))
        .routes(routes!(password_resets::confirm))
        .routes(routes!(mailed_links::unlock))
        .routes(routes!(mailed_links::not_me))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end_one))
        .routes(routes!(people::me))
        .routes(routes!(people::list))
        .routes(routes!(people::get, people::update, people::delete))
        .routes(routes!(people::set_roles))
        .routes(routes!(people::lock))
        .routes(routes!(people::unlock))
        .routes(routes!(people::end_sessions))
        .routes(routes!(two_factor_admin::reset))
        .routes(routes!(lockouts::list))
        .routes(routes!(organizations::get, organizations::update, organizations::delete))
        .routes(routes!(two_factor_admin::policy, two_factor_admin::set_policy))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::get, teams::update, teams::delete))
        .routes(routes!(teams::add_member))
        .routes(routes!(teams::remove_member))
        .routes(routes!(events::list, events::create))
        .routes(routes!(events::get, events::update, events::delete))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(audit::logs))
        .routes(routes!(audit_export::export))
        .routes(routes!(reports::csp))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
}

/// The files that pages are made with.
pub const STATIC_FILES: &str = "/static/{file}";

/// Where the pages are, and the small documents beside them.
const PAGES: [&str; 11] = [
    "/",
    "/docs",
    "/openapi.json",
    "/forgot-password",
    "/reset-password",
    "/invitation",
    "/unlock",
    "/not-me",
    "/.well-known/security.txt",
    "/.well-known/change-password",
    "/robots.txt",
];

/// Every route, as a rule of limits may name it.
pub fn known_paths() -> Vec<String> {
    let (_, document) = openapi::router_and_document();
    let pages = PAGES.into_iter().chain([STATIC_FILES]).map(str::to_owned);
    document.paths.paths.into_keys().chain(pages).collect()
}

/// The pages, and the small documents beside them.
pub fn pages(documents: Arc<Documents>) -> Router<AppState> {
    let openapi = documents.clone();
    Router::new()
        .route("/", get(pages::home::show))
        .route("/docs", get(async move || pages::docs::show(&documents)))
        .route("/openapi.json", get(async move || pages::docs::openapi(&openapi)))
        .route("/forgot-password", get(pages::forgot_password::show).post(pages::forgot_password::submit))
        .route("/reset-password", get(pages::reset_password::show).post(pages::reset_password::submit))
        .route("/invitation", get(pages::invitation::show).post(pages::invitation::submit))
        .route("/unlock", get(pages::unlock::show).post(pages::unlock::submit))
        .route("/not-me", get(pages::unlock::show_not_me).post(pages::unlock::submit_not_me))
        .route(STATIC_FILES, get(pages::assets::serve))
        .route("/.well-known/security.txt", get(pages::well_known::security_txt))
        .route("/.well-known/change-password", get(pages::well_known::change_password))
        .route("/robots.txt", get(pages::well_known::robots))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The router shows its paths, and nothing else that begins like one, in quotes.
    #[test]
    fn every_page_is_known() {
        let (_, document) = openapi::router_and_document();
        let documents = Documents::of(&document).expect("the document can be shown");
        let shown = format!("{:?}", pages(Arc::new(documents)));
        let paths = shown.split('"').filter(|part| part.starts_with('/'));
        // In some versions it also shows the place of its own fallback.
        let routed: std::collections::BTreeSet<_> =
            paths.filter(|path| !path.contains("__private__axum")).collect();
        let known: std::collections::BTreeSet<_> = PAGES.into_iter().chain([STATIC_FILES]).collect();
        assert_eq!(routed, known);
    }
}
