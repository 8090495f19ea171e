//! The layers every request passes, outermost first, with the reason of each place.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router, middleware};
use hardening::client_address::TrustedProxies;
use hardening::csrf::OriginPolicy;
use hardening::headers::SecurityHeaders;
use hardening::rate_limit::RuleSet;
use hardening::session::SessionStore;
use hardening_tower::client_address::ClientAddressLayer;
use hardening_tower::csrf::{CrossOriginLayer, CsrfTokenLayer};
use hardening_tower::request_id::RequestIdLayer;
use hardening_tower::security_headers::SecurityHeadersLayer;
use hardening_tower::session::SessionLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::https_only::HttpsOnly;
use super::pages::docs::Documents;
use super::state::AppState;
use super::{
    audit_refusals, cookies, cors, https_only, idempotency, last_resort, limits, one_host, openapi, routes,
    shedding, transport,
};
use crate::server::HeadLimits;

/// A request that has not been answered by then is given up; changes under way still run to their end. Shorter
/// than the lease of a reserved attempt.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(14);

/// What the layers are set to.
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

/// The whole application: routes under their layers.
pub fn application(state: AppState, settings: StackSettings) -> Result<Router, hardening::fault::Fault> {
    let (api, document) = openapi::router_and_document();
    let documents = Arc::new(Documents::of(&document)?);
    let https_only = settings.https_only.demanded;
    let proxies = Arc::new(settings.trusted_proxies);
    let mut router = api
        .merge(routes::pages())
        .merge(settings.further)
        .fallback(last_resort::not_found)
        .method_not_allowed_fallback(last_resort::method_not_allowed)
        // Innermost, so that what panicked is on record like any other fault; once more for layers below.
        .layer(CatchPanicLayer::custom(last_resort::panicked));

    // Only requests that nothing else refuses.
    router = router.layer(middleware::from_fn_with_state(state.clone(), idempotency::recognise));
    // The token check knows the session, and runs before any handler.
    if state.csrf_enabled {
        router = router.layer(CsrfTokenLayer::new(state.csrf.clone(), state.services.clock.clone()));
    }
    // Counts per person where there is a live session, else per address: so it follows the session.
    if let Some(rules) = &settings.rules {
        router = router.layer(limits::traffic_layer(rules.clone(), &state));
    }
    // Sees what the two above refused, and who asked.
    router = router.layer(middleware::from_fn_with_state(state.clone(), audit_refusals::record));
    router = router.layer(session_layer(&state, settings.sessions, settings.rules));
    // Requests from other sites are refused before anything is looked up for them.
    router = router
        .layer(CrossOriginLayer::new(settings.origins))
        .layer(middleware::from_fn_with_state(state.clone(), audit_refusals::record))
        // Before anything costs much; inside of what lets another origin's page read the refusal.
        .layer(middleware::from_fn_with_state(state.clone(), shedding::shed))
        .layer(middleware::from_fn_with_state(Arc::new(settings.cors_origins), cors::answer))
        .layer(middleware::from_fn_with_state(settings.https_only, https_only::demand))
        // Everything inside knows one client address: limits, sessions and audit alike.
        .layer(ClientAddressLayer::new(proxies.clone()))
        .layer(middleware::from_fn(one_host::demand))
        // An oversized head is refused before anything looks into it.
        .layer(HeadLimits::default())
        .layer(TimeoutLayer::with_status_code(http::StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(last_resort::panicked))
        // What layers refused becomes a problem document here, with the limits' headers.
        .layer(middleware::from_fn_with_state(state.clone(), limits::report))
        .layer(middleware::from_fn_with_state(state.services.entropy.clone(), last_resort::render));
    // Outside, so that refusals have them too.
    if let Some(headers) = settings.security_headers {
        router = router
            .layer(SecurityHeadersLayer::new(&headers).trusting(proxies.clone()).always_https(https_only));
    }
    Ok(router
        .layer(middleware::from_fn(last_resort::log))
        // Outermost: everything has a number.
        .layer(RequestIdLayer::new(state.services.entropy.clone()).keep_incoming_from(proxies))
        .layer(Extension(documents))
        .with_state(state))
}

/// One signature check, and one look into the store that also takes from the person's limits.
fn session_layer(
    state: &AppState,
    sessions: Arc<dyn SessionStore>,
    rules: Option<Arc<RuleSet>>,
) -> SessionLayer {
    let layer = SessionLayer::new(
        (*state.tokens).clone(),
        sessions,
        state.services.clock.clone(),
        cookies::session_cookie_name(state.secure_cookies),
        transport::choose,
    );
    match rules {
        None => layer,
        Some(rules) => layer.with_limits(state.quotas.clone(), move |parts, claims| {
            limits::limits_of_claims(&rules, parts, claims)
        }),
    }
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
