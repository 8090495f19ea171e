//! The layers every request passes, outermost first, with the reason of each place.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::{Extension, Router};
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
use http::StatusCode;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::timeout::TimeoutLayer;

use super::access_log::AccessLog;
use super::around::AroundLayer;
use super::audit_refusals::RecordRefusals;
use super::cors::CrossOriginReading;
use super::https_only::HttpsOnly;
use super::idempotency::RecogniseRetries;
use super::last_resort::RenderRefusals;
use super::limits::ReportLimits;
use super::one_host::OneHost;
use super::pages::docs::Documents;
use super::shedding::Shedding;
use super::state::AppState;
use super::{cookies, last_resort, limits, openapi, routes, transport};
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
    let headers = settings.security_headers.map(|headers| {
        SecurityHeadersLayer::new(&headers).trusting(proxies.clone()).always_https(https_only)
    });
    let traffic = settings.rules.as_ref().map(|rules| limits::traffic_layer(rules.clone(), &state));
    let tokens =
        state.csrf_enabled.then(|| CsrfTokenLayer::new(state.csrf.clone(), state.services.clock.clone()));
    // One layer in all: the router boxes and clones each layer for each request.
    let layers = ServiceBuilder::new()
        // Outermost: everything has a number.
        .layer(RequestIdLayer::new(state.services.entropy.clone()).keep_incoming_from(proxies.clone()))
        .layer(AccessLog::default())
        // Outside of what answers, so that refusals have them too.
        .option_layer(headers)
        // What layers refused becomes a problem document here, with the limits' headers.
        .layer(AroundLayer(RenderRefusals(state.services.entropy.clone())))
        .layer(AroundLayer(ReportLimits(state.clone())))
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(CatchPanicLayer::custom(last_resort::panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        // An oversized head is refused before anything looks into it.
        .layer(HeadLimits::default())
        .layer(AroundLayer(OneHost))
        // Everything inside knows one client address: limits, sessions and audit alike.
        .layer(ClientAddressLayer::new(proxies))
        .layer(AroundLayer(settings.https_only))
        .layer(AroundLayer(CrossOriginReading::new(settings.cors_origins)))
        // Before anything costs much; inside of what lets another origin's page read the refusal.
        .layer(Shedding(state.clone()))
        // Sees what the next one refuses.
        .layer(RecordRefusals(state.clone()))
        // Requests from other sites are refused before anything is looked up for them.
        .layer(CrossOriginLayer::new(settings.origins))
        .layer(session_layer(&state, settings.sessions, settings.rules))
        // Sees what the two below refuse, and who asked.
        .layer(RecordRefusals(state.clone()))
        // Counts per person where there is a live session, else per address: so it follows the session.
        .option_layer(traffic)
        // The token check knows the session, and runs before any handler.
        .option_layer(tokens)
        // Innermost: only requests that nothing else refuses.
        .layer(RecogniseRetries(state.clone()));
    Ok(api
        .merge(routes::pages())
        .merge(settings.further)
        .fallback(last_resort::not_found)
        .method_not_allowed_fallback(last_resort::method_not_allowed)
        .layer(Extension(documents))
        .layer(layers)
        .with_state(state))
}

/// One signature check, and one look into the store that also takes from the person's limits.
fn session_layer(
    state: &AppState,
    sessions: Arc<dyn SessionStore>,
    rules: Option<Arc<RuleSet>>,
) -> SessionLayer {
    let cookie = cookies::session_cookie_name(state.secure_cookies);
    let clock = state.services.clock.clone();
    let layer = SessionLayer::new((*state.tokens).clone(), sessions, clock, cookie, transport::choose);
    let Some(rules) = rules else { return layer };
    layer.with_limits(state.quotas.clone(), move |parts, claims| {
        limits::limits_of_claims(&rules, parts, claims)
    })
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
