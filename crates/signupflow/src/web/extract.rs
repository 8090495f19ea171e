//! What handlers take: the request's context, the signed-in person, ids from the path.

use std::convert::Infallible;
use std::sync::Arc;

use accounts::input::is_id;
use accounts::two_factor::enrol::Enroller;
use accounts::{Principal, Refusal, RequestContext};
use axum::extract::{FromRequestParts, RawPathParams};
use hardening::idempotency::Receipt;
use hardening::one_time_token::TokenHash;
use hardening_tower::session::SessionState;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::arrival::Arrival;
use super::query::decode;
use super::refusals::Answer;
use super::state::AppState;

/// The request's context for use cases.
pub struct Context(pub RequestContext);

impl FromRequestParts<AppState> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(Self(context_of(parts)))
    }
}

/// The context from what is known of the request.
pub fn context_of(parts: &Parts) -> RequestContext {
    let mut context = match parts.extensions.get::<Arrival>() {
        Some(arrival) => arrival.context(),
        None => RequestContext::new("", "unknown", "unknown", None),
    };
    context.receipt = parts.extensions.get::<Receipt>().cloned();
    context
}

fn session_of(parts: &Parts) -> &SessionState {
    parts.extensions.get::<Arrival>().map_or(&SessionState::Anonymous, Arrival::session)
}

/// Somebody with a live session that is worth what their organization asks for: whatever takes this is closed to
/// people who must set a second factor up first.
pub struct SignedIn(pub Principal);

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Answer> {
        let MayLackFactor(principal) = MayLackFactor::from_request_parts(parts, state).await?;
        let services = &state.services;
        if services.policies.demands_of(&principal.session, services.clock.now()) {
            return Err(Refusal::TwoFactorSetupRequired.into());
        }
        Ok(Self(principal))
    }
}

/// Somebody with a live session, also one who must set a second factor up before anything else: for what that takes,
/// and for signing out.
pub struct MayLackFactor(pub Principal);

impl FromRequestParts<AppState> for MayLackFactor {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Answer> {
        let session = match session_of(parts) {
            SessionState::SignedIn(session, _) => Arc::clone(session),
            SessionState::StoreAway(fault) => return Err(fault.clone().into()),
            SessionState::Invalid(_) => return Err(Answer::invalid_token()),
            SessionState::Anonymous => return Err(Refusal::Unauthenticated.into()),
        };
        let principal = Principal::new(session);
        refuse_foreign_org_id(parts.uri.query(), principal.org_id())?;
        Ok(Self(principal))
    }
}

/// Somebody who may set a second factor up: with a session, or with the temporary token of a sign-in as bearer.
pub struct Enrolling(pub Enroller);

impl FromRequestParts<AppState> for Enrolling {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Answer> {
        if let Some(token) = temporary_token(parts) {
            return Ok(Self(Enroller::by_token(&state.services, &token).await?));
        }
        let MayLackFactor(principal) = MayLackFactor::from_request_parts(parts, state).await?;
        Ok(Self(Enroller::Inside(principal)))
    }
}

/// A bearer that is no session token, but has the form of a temporary one.
fn temporary_token(parts: &Parts) -> Option<String> {
    let SessionState::Invalid(_) = session_of(parts) else { return None };
    let (_, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    TokenHash::of(token).map(|_| token.to_owned())
}

/// `?org_id=` is accepted everywhere, and must be one's own.
fn refuse_foreign_org_id(query: Option<&str>, own: &str) -> Result<(), Refusal> {
    let foreign = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .filter_map(|(name, value)| Some((decode(name).ok()?, decode(value).ok())))
        .any(|(name, value)| name == "org_id" && value.as_deref() != Some(own));
    if foreign { Err(Refusal::NotFound("organization")) } else { Ok(()) }
}

/// The one id in the path.
pub struct PathId(pub String);

impl FromRequestParts<AppState> for PathId {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Answer> {
        let PathIds([id]) = PathIds::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// The ids in the path, in order. What cannot be decoded cannot be found.
pub struct PathIds<const N: usize>(pub [String; N]);

impl<const N: usize> FromRequestParts<AppState> for PathIds<N> {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Answer> {
        let not_found = || Answer::from(Refusal::NotFound("resource"));
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        let ids: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
        if !ids.iter().all(|id| is_id(id)) {
            return Err(not_found());
        }
        ids.try_into().map(Self).map_err(|_| not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_org_id_is_accepted() {
        assert!(refuse_foreign_org_id(None, "org_1").is_ok());
        assert!(refuse_foreign_org_id(Some("limit=3&org_id=org_1"), "org_1").is_ok());
        assert!(refuse_foreign_org_id(Some("org_id=org_2"), "org_1").is_err());
        assert!(refuse_foreign_org_id(Some("org%5Fid=org_2"), "org_1").is_err());
        assert!(refuse_foreign_org_id(Some("org_id=org%5F1"), "org_1").is_ok());
        assert!(refuse_foreign_org_id(Some("org_id=org_1&org_id=org_2"), "org_1").is_err());
    }
}
