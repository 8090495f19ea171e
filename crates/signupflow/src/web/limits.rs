//! Traffic limits, and the headers that tell how limits stand.

use std::borrow::Cow;
use std::sync::Arc;

use accounts::context::LimitSheet;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use hardening::client_address::ClientAddress;
use hardening::rate_limit::{Algorithm, Decision, Per, RuleSet, headers};
use hardening::session::token::SessionClaims;
use hardening_tower::rate_limit::{RateLimitLayer, TrafficLimits};
use hardening_tower::session::SessionState;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderValue, Uri};

use super::around::Around;
use super::state::AppState;

/// The layer that counts every request under the rules.
pub fn traffic_layer(rules: Arc<RuleSet>, state: &AppState) -> RateLimitLayer {
    RateLimitLayer::new(state.quotas.clone(), state.services.clock.clone(), move |parts: &Parts| {
        let owner = match parts.extensions.get::<SessionState>() {
            Some(SessionState::SignedIn(session, _)) => Some((&*session.person_id, &*session.org_id)),
            _ => None,
        };
        limits_of(&rules, parts, owner)
    })
}

/// The same limits for whom a session's token names, so that the session layer can take from them in the step
/// that finds the session alive.
pub fn limits_of_claims(rules: &RuleSet, parts: &Parts, claims: &SessionClaims) -> Option<TrafficLimits> {
    limits_of(rules, parts, Some((&claims.sub, &claims.org)))
}

/// Per person where there is a live session (`owner`: person and organization), else per address.
fn limits_of(rules: &RuleSet, parts: &Parts, owner: Option<(&str, &str)>) -> Option<TrafficLimits> {
    let route = parts.extensions.get::<MatchedPath>().map_or(parts.uri.path(), MatchedPath::as_str);
    let address = || parts.extensions.get::<ClientAddress>().map(|address| address.bucket());
    let mut limits = None;
    for (rule, names) in rules.matching(parts.method.as_str(), route) {
        let identifier = match (rule.per, owner) {
            _ if rule.algorithm != Algorithm::Gcra => continue,
            (Per::Person, Some((person_id, _))) => Cow::Borrowed(person_id),
            (Per::Org, Some((_, org_id))) => Cow::Borrowed(org_id),
            (Per::Ip, None) => address().map_or(Cow::Borrowed("unknown"), Cow::Owned),
            (Per::System, _) => Cow::Borrowed(""),
            _ => continue,
        };
        let so_far: TrafficLimits = limits.unwrap_or_default();
        limits = Some(so_far.and(names.policy(), names.key_of(rule, &identifier), rule.quota()));
    }
    limits
}

/// Gives use cases a sheet to report exact limits on, and shows the report in place of the traffic limit's.
#[derive(Clone)]
pub struct ReportLimits(pub AppState);

impl Around for ReportLimits {
    type Kept = (LimitSheet, Uri);

    fn before(&self, request: &mut Request) -> Result<Self::Kept, Response> {
        let sheet = LimitSheet::default();
        request.extensions_mut().insert(sheet.clone());
        Ok((sheet, request.uri().clone()))
    }

    fn after(self, (sheet, uri): Self::Kept, mut response: Response) -> Response {
        if let Some(decision) = sheet.last() {
            let route = uri.path().trim_start_matches("/api/").replace('/', "-");
            show(&mut response, &decision, &route, &self.0);
        }
        response
    }
}

fn show(response: &mut Response, decision: &Decision, policy: &str, state: &AppState) {
    let now = state.services.clock.now();
    for (name, value) in headers::values(decision, policy, now) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
}
