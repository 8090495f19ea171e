//! Traffic limits, and the headers that tell how limits stand.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::Response;
use hardening::rate_limit::{Algorithm, Decision, Per, RuleSet};
use hardening::session::token::SessionClaims;
use hardening_tower::rate_limit::{RateLimitLayer, TrafficLimits, write_numbers};
use hardening_tower::session::SessionState;
use http::request::Parts;

use super::arrival::Arrival;
use super::routes::CREDENTIAL_ROUTES;
use super::state::AppState;

/// The rules, and the routes they may name.
#[derive(Clone)]
pub struct Traffic {
    rules: Arc<RuleSet>,
    routes: Arc<matchit::Router<String>>,
}

impl Traffic {
    /// The `routes` are those of the application. Those with a part in braces are looked up for rules that name one;
    /// all others are their own path.
    pub fn new<'a>(rules: Arc<RuleSet>, routes: impl Iterator<Item = &'a str>) -> Self {
        let mut known = matchit::Router::new();
        if rules.rules().iter().any(|rule| rule.route.contains('{')) {
            for route in routes {
                // Two spellings of one route are one route.
                let _ = known.insert(route, route.to_owned());
            }
        }
        Self { rules, routes: Arc::new(known) }
    }

    /// Counts every request under the rules.
    pub fn layer(self, state: &AppState) -> RateLimitLayer {
        RateLimitLayer::new(state.quotas.clone(), state.services.clock.clone(), move |parts: &Parts| {
            let arrival = parts.extensions.get::<Arrival>();
            let owner = match arrival.map(Arrival::session) {
                Some(SessionState::SignedIn(session, _)) => Some((&*session.person_id, &*session.org_id)),
                _ => None,
            };
            self.limits_of(parts, owner)
        })
    }

    /// The same limits for whom a session's token names, so that the session layer can take from them in the step
    /// that finds the session alive.
    pub fn of_claims(&self, parts: &Parts, claims: &SessionClaims) -> Option<TrafficLimits> {
        self.limits_of(parts, Some((&claims.sub, &claims.org)))
    }

    /// Whose requests they count: of a live session (`owner`: person and organization), and of the address.
    fn limits_of(&self, parts: &Parts, owner: Option<(&str, &str)>) -> Option<TrafficLimits> {
        let path = parts.uri.path();
        let route = self.routes.at(path).map_or(path, |found| found.value.as_str());
        let address = || parts.extensions.get::<Arrival>().map(Arrival::address_bucket);
        let mut limits = None;
        for (rule, names) in self.rules.matching(Algorithm::Gcra, parts.method.as_str(), route) {
            let identifier = match (rule.per, owner) {
                (Per::Person, Some((person_id, _))) => Cow::Borrowed(person_id),
                (Per::Org, Some((_, org_id))) => Cow::Borrowed(org_id),
                (Per::Ip, Some(_)) if rule.spares_sessions() => continue,
                (Per::Ip, _) => address().map_or(Cow::Borrowed("unknown"), Cow::Owned),
                (Per::System, _) => Cow::Borrowed(""),
                _ => continue,
            };
            let so_far: TrafficLimits = limits.unwrap_or_default();
            limits = Some(so_far.and(names.policy(), names.key_of(rule, &identifier), rule.quota()));
        }
        limits
    }
}

/// Shows what use cases reported of exact limits, in place of the traffic limit's numbers unless those are tighter.
pub fn reported(mut response: Response, arrival: &Arrival, state: &AppState) -> Response {
    let path = arrival.uri().path();
    // A credential endpoint counts its own attempts down, whatever else is counted there.
    let is_told = |decision: &Decision| {
        !decision.allowed
            || CREDENTIAL_ROUTES.contains(&path)
            || left_in_traffic(&response).is_none_or(|left| decision.remaining <= left)
    };
    if let Some(decision) = arrival.limits_reported().filter(is_told) {
        let route = path.trim_start_matches("/api/").replace('/', "-");
        write_numbers(&decision, &route, state.services.clock.now(), response.headers_mut());
    }
    response
}

/// Places that the traffic limit left, where its numbers were written.
fn left_in_traffic(response: &Response) -> Option<u32> {
    response.headers().get("x-ratelimit-remaining")?.to_str().ok()?.parse().ok()
}
