//! `Idempotency-Key` on changes by people who are signed in: a retry has no second effect, and gets the same answer.
//!
//! * The receipt is stored in one transaction with the change (`RequestContext::receipt`), by whichever node; what was
//!   answered is added afterwards. A server that is killed in between knows what was changed, and answers a retry with
//!   how that is now.
//! * Only what was done is remembered: a refusal may be tried again with the same key.
//! * Routes below `/api/auth/` take no keys: their answers hold secrets, which are not stored.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use accounts::Principal;
use accounts::ports::StoredAnswer;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use futures_util::future::Either;
use hardening::idempotency::{Asked, IdempotencyKey, Receipt};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use tower::Service;
use wording::Message;

use super::api::changed::as_it_is_now;
use super::arrival::Arrival;
use super::json::read_body;
use super::problem::Problem;
use super::refusals::Answer;
use super::state::AppState;

/// The header of requests.
pub const HEADER: &str = "idempotency-key";
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Names of the receipts whose requests this process carries out just now. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct InProgress(Arc<Mutex<HashSet<String>>>);

impl InProgress {
    fn begin(&self, name: &str) -> Option<Begun> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        fresh.then(|| Begun { all: self.clone(), name: name.to_owned() })
    }
}

/// Ends when it is dropped.
struct Begun {
    all: InProgress,
    name: String,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Whether requests of this method to this path take a key.
pub fn takes_key(method: &Method, path: &str) -> bool {
    !method.is_safe() && path.starts_with("/api/") && !path.starts_with("/api/auth/")
}

/// Carries a request out; one that brings a key, once. Not async: the request goes straight on and is not kept here.
pub fn once(
    state: &AppState,
    arrival: &Arrival,
    routes: Router,
    request: Request,
) -> impl Future<Output = Response> {
    let asks = request.headers().contains_key(HEADER) && takes_key(request.method(), request.uri().path());
    match arrival.principal().filter(|_| asks) {
        None => Either::Left(carried_out(routes, request)),
        Some(principal) => Either::Right(Box::pin(async move {
            let answered = recognised(state, &principal, routes, request).await;
            answered.unwrap_or_else(IntoResponse::into_response)
        })),
    }
}

fn carried_out(mut routes: Router, request: Request) -> impl Future<Output = Response> {
    routes.call(request).map(|answered| {
        let Ok(response) = answered;
        response
    })
}

async fn recognised(
    state: &AppState,
    principal: &Principal,
    routes: Router,
    request: Request,
) -> Result<Response, Answer> {
    let key = key_of(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let body = read_body(Request::from_parts(parts.clone(), body)).await.map_err(Answer::problem)?;
    let asked = Asked {
        person_id: principal.person_id(),
        org_id: principal.org_id(),
        method: parts.method.as_str(),
        target: parts.uri.path_and_query().map_or("", |target| target.as_str()),
        body: &body,
    };
    let services = &state.services;
    let receipt = Receipt::of(&key, asked, services.clock.now(), &*services.entropy);
    let Some(_begun) = state.in_progress.begin(&receipt.name) else {
        let problem = Problem::of("idempotency_in_progress").with_retry_after(1);
        return Err(Answer::problem(problem));
    };
    if let Some(answer) = known(state, principal, &parts, &receipt).await? {
        return Ok(answer);
    }
    parts.extensions.insert(receipt.clone());
    let response = carried_out(routes, Request::from_parts(parts.clone(), Body::from(body))).await;
    if response.status().is_success() {
        return kept(state, &receipt, response).await;
    }
    // Another node was faster, or the change was made although its commit was not heard of.
    let made_all_the_same = known(state, principal, &parts, &receipt).await;
    Ok(made_all_the_same.ok().flatten().unwrap_or(response))
}

fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, Answer> {
    let mut sent = headers.get_all(HEADER).iter();
    let key = sent.next().and_then(|value| IdempotencyKey::parse(value.as_bytes()));
    key.filter(|_| sent.next().is_none()).ok_or_else(|| {
        Answer::problem(Problem::of("invalid_request").with_detail(Message::new("detail-idempotency-key")))
    })
}

/// The answer to a request that was carried out before.
async fn known(
    state: &AppState,
    principal: &Principal,
    parts: &Parts,
    receipt: &Receipt,
) -> Result<Option<Response>, Answer> {
    let services = &state.services;
    let Some(stored) = services.receipts.find(&receipt.name, services.clock.now()).await? else {
        return Ok(None);
    };
    if stored.fingerprint != receipt.fingerprint {
        return Err(Answer::problem(Problem::of("idempotency_key_reused")));
    }
    let mut response = match stored.answer {
        Some(answer) => replay(answer),
        None => as_it_is_now(state, principal, parts, &stored).await?,
    };
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(response))
}

fn replay(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if answer.body.is_empty() {
        return status.into_response();
    }
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}

/// Adds the answer to the receipt, if the change has left one.
async fn kept(state: &AppState, receipt: &Receipt, response: Response) -> Result<Response, Answer> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(hardening::fault::Fault::internal)?.to_bytes();
    let answer =
        StoredAnswer { status: parts.status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() };
    if let Err(fault) = state.services.receipts.keep_answer(&receipt.name, &receipt.attempt, &answer).await {
        // The change is made and its receipt stored: a retry is told how it is then.
        tracing::warn!(%fault, "an answer is not kept for a retry");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_progress_once_and_until_it_ends() {
        let all = InProgress::default();
        let begun = all.begin("a");
        assert!(begun.is_some() && all.begin("a").is_none() && all.begin("b").is_some());
        drop(begun);
        assert!(all.begin("a").is_some());
    }

    #[test]
    fn only_changes_beside_credentials_take_keys() {
        assert!(takes_key(&Method::POST, "/api/teams"));
        assert!(!takes_key(&Method::GET, "/api/teams"));
        assert!(!takes_key(&Method::PUT, "/api/auth/password"));
        assert!(!takes_key(&Method::POST, "/unlock"));
    }
}
