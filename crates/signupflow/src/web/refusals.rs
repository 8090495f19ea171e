//! The one place where refusals and faults become responses: of use cases, of extractors, of layers.

use accounts::{Error, Refusal};
use axum::response::{IntoResponse, Response};
use hardening::fault::Fault;
use wording::Message;

use super::problem::Problem;

/// Why a handler does not succeed.
#[derive(Debug)]
pub struct Answer(Box<Problem>);

/// What handlers return.
pub type Outcome<T> = Result<T, Answer>;

impl Answer {
    /// A token was presented, but it opens nothing (RFC 6750, 3.1).
    pub fn invalid_token() -> Self {
        let detail = Message::new("detail-session-token");
        Self(Box::new(Problem::of("unauthenticated").with_detail(detail).with_token_presented()))
    }

    /// What it says.
    pub const fn as_problem(&self) -> &Problem {
        &self.0
    }

    /// A problem by code.
    pub fn problem(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::problem(problem)
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Problem::of(refusal.code()).with_detail(refusal.message());
        match refusal {
            Refusal::InvalidInput(errors) => problem.errors = Some(errors),
            Refusal::Locked { retry_after, limit, window, .. }
            | Refusal::RateLimited { retry_after, limit, window, .. } => {
                let whole = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                problem.retry_after = Some(whole.max(1));
                problem.limit = Some(limit.into());
                problem.window_seconds = Some(window.as_secs());
            }
            Refusal::Busy => problem.retry_after = Some(1),
            Refusal::SecondFactorUnreadable { person_id } => tracing::error!(
                person_id,
                "a second factor has no secret that a TOTP_ENCRYPTION_KEY opens; `signupflow doctor` counts such"
            ),
            _ => {}
        }
        Self(Box::new(problem))
    }
}

impl From<Fault> for Answer {
    /// Logged once, here; the client learns only that something is away, and the request's number.
    fn from(fault: Fault) -> Self {
        let problem = match &fault {
            Fault::Unavailable { .. } => Problem::of("backend_unavailable").with_retry_after(1),
            // No Retry-After: a client that repeats by itself might do it twice.
            Fault::Uncertain { .. } => Problem::of("outcome_unknown"),
            Fault::Internal(_) => Problem::of("internal_error"),
        };
        tracing::error!(%fault, "a request failed");
        metrics::counter!("signupflow_faults_total", "code" => problem.code).increment(1);
        Self(Box::new(problem))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// A layer refused: its typed reason becomes a problem document.
pub fn of_layer(refusal: &hardening_tower::Refusal) -> Problem {
    use hardening::csrf::CsrfRefusal;
    use hardening_tower::Refusal as Layer;
    match refusal {
        Layer::CrossOrigin => Problem::of("cross_origin"),
        Layer::Csrf(CsrfRefusal::Missing) => Problem::of("csrf_missing"),
        Layer::Csrf(CsrfRefusal::Invalid) => Problem::of("csrf_invalid"),
        Layer::Csrf(CsrfRefusal::Expired) => Problem::of("csrf_expired"),
        Layer::RateLimited(decision) => {
            let detail = Message::new("detail-too-many-requests")
                .with("limit", decision.limit)
                .with("duration", decision.window);
            let mut problem = Problem::of("rate_limited").with_detail(detail);
            problem.retry_after = hardening::rate_limit::headers::retry_after_seconds(decision);
            problem.limit = Some(decision.limit.into());
            problem.window_seconds = Some(decision.window.as_secs());
            problem
        }
        Layer::AmbiguousCredentials => {
            Problem::of("invalid_request").with_detail(Message::new("detail-two-session-tokens"))
        }
        Layer::BackendAway(fault) => {
            tracing::error!(%fault, "a layer could not do its work");
            let mut problem = Problem::of("backend_unavailable");
            problem.retry_after = Some(1);
            problem
        }
    }
}
