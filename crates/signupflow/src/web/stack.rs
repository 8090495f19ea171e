//! Puts the application together: the routes, and what requests pass on their way to them ([`Pipeline`]).

use std::sync::Arc;

use axum::Router;
use hardening::client_address::TrustedProxies;
use hardening::csrf::OriginPolicy;
use hardening::fault::Fault;
use hardening::headers::SecurityHeaders;
use hardening::rate_limit::RuleSet;
use hardening::session::SessionStore;
use hardening_tower::client_address::ClientAddressLayer;
use hardening_tower::csrf::{CrossOriginLayer, CsrfTokenLayer};
use hardening_tower::request_id::RequestIdLayer;
use hardening_tower::security_headers::SecurityHeadersLayer;
use hardening_tower::session::SessionLayer;

use super::access_log::AccessLog;
use super::cors::CrossOriginReading;
use super::head_limits::HeadLimits;
use super::https_only::HttpsOnly;
use super::limits::Traffic;
use super::pages::docs::Documents;
use super::pipeline::{Checks, Pipeline};
use super::state::AppState;
use super::{cookies, last_resort, openapi, routes, transport};

/// What the checks are set to.
pub struct StackSettings {
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Own origin and allowed others.
    pub origins: OriginPolicy,
    /// Origins whose scripts may read answers.
    pub cors_origins: Vec<String>,
    /// None when switched off.
    pub security_headers: Option<SecurityHeaders>,
    /// Pages are redirected, the API refuses plain HTTP.
    pub https_only: HttpsOnly,
    /// None when switched off.
    pub rules: Option<Arc<RuleSet>>,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// Routes beside the product's own.
    pub further: Router<AppState>,
}

/// The whole application: the routes at the end of their way.
pub fn application(state: AppState, settings: StackSettings) -> Result<Pipeline, Fault> {
    let (api, document) = openapi::router_and_document();
    let documents = Arc::new(Documents::of(&document)?);
    let paths = document.paths.paths.keys().map(String::as_str).chain([routes::STATIC_FILES]);
    let traffic = settings.rules.map(|rules| Traffic::new(rules, paths));
    let https_only = settings.https_only.demanded;
    let proxies = Arc::new(settings.trusted_proxies);
    let headers = settings.security_headers.map(|headers| {
        SecurityHeadersLayer::new(&headers).trusting(proxies.clone()).always_https(https_only)
    });
    let services = &state.services;
    let checks = Checks {
        names: RequestIdLayer::new(state.nonces.clone()).keep_incoming_from(proxies.clone()),
        log: AccessLog::default(),
        headers,
        head: HeadLimits::default(),
        addresses: ClientAddressLayer::new(proxies),
        https_only: settings.https_only,
        reading: CrossOriginReading::new(settings.cors_origins),
        origins: CrossOriginLayer::new(settings.origins),
        sessions: session_layer(&state, settings.sessions, traffic.clone()),
        traffic: traffic.map(|traffic| traffic.layer(&state)),
        tokens: state.csrf_enabled.then(|| CsrfTokenLayer::new(state.csrf.clone(), services.clock.clone())),
        state: state.clone(),
    };
    let routes = api
        .merge(routes::pages(documents))
        .merge(settings.further)
        .fallback(last_resort::not_found)
        .method_not_allowed_fallback(last_resort::method_not_allowed)
        .with_state(state);
    Ok(Pipeline::new(checks, routes))
}

/// One signature check, and one look into the store that also takes from the person's limits.
fn session_layer(
    state: &AppState,
    sessions: Arc<dyn SessionStore>,
    traffic: Option<Traffic>,
) -> SessionLayer {
    let cookie = cookies::session_cookie_name(state.secure_cookies);
    let clock = state.services.clock.clone();
    let layer = SessionLayer::new((*state.tokens).clone(), sessions, clock, cookie, transport::choose);
    let Some(traffic) = traffic else { return layer };
    layer.with_limits(state.quotas.clone(), move |parts, claims| traffic.of_claims(parts, claims))
}

/// Codes are part of the API: the registry must hold every code a refusal can have.
#[cfg(test)]
mod tests {
    use super::super::problem::find;

    #[test]
    fn every_refusal_has_a_registered_code() {
        for code in accounts::Refusal::CODES {
            assert!(find(code).is_some(), "{code}");
        }
    }
}
