//! Refusals that speak of an attempt are put on record: CSRF, other sites, missing rights, reached limits; and so are
//! faults of the server's own. One row per kind, client and minute, and one that counts the rest of them.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use accounts::audit_trail::{Actor, Happening};
use accounts::refusal_record::put_on_record;
use accounts::{Principal, RequestContext};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hardening::audit::{Action, Resource};
use hardening::session::Session;
use hardening_tower::Refusal as LayerRefusal;
use hardening_tower::session::SessionState;

use http::{Method, Uri};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::extract::Sender;
use super::last_resort;
use super::problem::Problem;
use super::refusals::Answer;
use super::state::AppState;

/// Marks a response whose refusal is on record, so that an outer pass leaves it alone.
#[derive(Clone, Copy)]
struct OnRecord;

/// The window in which those like the first are only counted.
const WINDOW: Duration = Duration::from_mins(1);

/// The layer that looks at answers and records what should be.
#[derive(Clone)]
pub struct RecordRefusals(pub AppState);

impl<S> Layer<S> for RecordRefusals {
    type Service = Recording<S>;

    fn layer(&self, inner: S) -> Recording<S> {
        Recording { inner, state: self.0.clone() }
    }
}

/// The service of [`RecordRefusals`].
#[derive(Clone)]
pub struct Recording<S> {
    inner: S,
    state: AppState,
}

/// Who asked for what; copied only if a row is written.
struct Asked {
    state: AppState,
    sender: Sender,
    session: Option<Arc<Session>>,
    method: Method,
    uri: Uri,
}

pin_project! {
    /// Waits for the answer; in the rare case, for its row as well.
    pub struct RecordingFuture<F> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Answering { #[pin] answer: F, asked: Option<Box<Asked>> },
        Writing { row: Pin<Box<dyn Future<Output = Response> + Send>> },
    }
}

impl<F, E> Future for RecordingFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let row = match self.as_mut().project().stage.project() {
            StageProjection::Writing { row } => return row.as_mut().poll(context).map(Ok),
            StageProjection::Answering { answer, asked } => {
                // Here, where it is known who asked: a panic is on record like any other fault.
                let response = match catch_unwind(AssertUnwindSafe(|| answer.poll(context))) {
                    Ok(polled) => ready!(polled)?,
                    Err(panic) => last_resort::panicked(panic),
                };
                match (worth_a_row(&response), asked.take()) {
                    (Some((action, why)), Some(asked)) => Box::pin(asked.record(response, action, why)),
                    _ => return Poll::Ready(Ok(response)),
                }
            }
        };
        self.as_mut().project().stage.set(Stage::Writing { row });
        self.poll(context)
    }
}

impl<S> Service<Request> for Recording<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = RecordingFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let session = match request.extensions().get::<SessionState>() {
            Some(SessionState::SignedIn(session, _)) => Some(Arc::clone(session)),
            _ => None,
        };
        let asked = Asked {
            state: self.state.clone(),
            sender: Sender::of(request.headers(), request.extensions()),
            session,
            method: request.method().clone(),
            uri: request.uri().clone(),
        };
        let answer = self.inner.call(request);
        RecordingFuture { stage: Stage::Answering { answer, asked: Some(Box::new(asked)) } }
    }
}

impl Asked {
    async fn record(self: Box<Self>, mut response: Response, action: Action, why: &'static str) -> Response {
        response.extensions_mut().insert(OnRecord);
        let principal = self.session.map(Principal::new);
        let target = format!("{} {}", self.method, self.uri.path());
        let written =
            write(&self.state, &self.sender.context(), principal.as_ref(), action, &target, why).await;
        match written {
            Ok(()) => response,
            // What went wrong already is what the client should hear.
            Err(error) if action == Action::SystemFault => {
                tracing::error!(%error, "a fault is not on record");
                response
            }
            Err(error) => Answer::from(error).into_response(),
        }
    }
}

fn worth_a_row(response: &Response) -> Option<(Action, &'static str)> {
    if response.extensions().get::<OnRecord>().is_some() {
        return None;
    }
    match response.extensions().get::<LayerRefusal>() {
        Some(LayerRefusal::CrossOrigin) => {
            return Some((Action::AuthCsrfRejected, "request from another site"));
        }
        Some(LayerRefusal::Csrf(_)) => {
            return Some((Action::AuthCsrfRejected, "CSRF token missing, invalid or expired"));
        }
        Some(LayerRefusal::RateLimited(_)) => return Some((Action::AuthRateLimited, "too many requests")),
        Some(_) => return None,
        None => {}
    }
    match response.extensions().get::<Problem>()?.code {
        "forbidden" => Some((Action::AuthAccessDenied, "the roles do not allow it")),
        "internal_error" => Some((Action::SystemFault, "the server failed; its log tells why")),
        _ => None,
    }
}

async fn write(
    state: &AppState,
    context: &RequestContext,
    principal: Option<&Principal>,
    action: Action,
    target: &str,
    why: &str,
) -> Result<(), accounts::Error> {
    metrics::counter!("signupflow_refusals_total", "action" => action.as_str()).increment(1);
    let whom = principal.map_or(context.address_bucket.as_str(), Principal::person_id);
    let actor = principal.map_or_else(|| Actor::anonymous(""), Actor::principal);
    let shown: String = target.chars().filter(|c| !c.is_control()).take(200).collect();
    let refused = Happening::refused(action, Resource::new("request", shown), why);
    put_on_record(&state.services, context, &actor, refused, &format!("{action}:{whom}"), WINDOW).await
}
