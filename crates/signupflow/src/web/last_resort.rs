//! What no handler answers: unknown paths, wrong methods, panics, bare statuses of libraries. All of it
//! becomes a problem document with the request's id.

use std::any::Any;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use hardening::entropy::{Entropy, random_bytes};
use hardening_tower::Refusal as LayerRefusal;
use wording::Message;

use super::arrival::Arrival;
use super::problem::Problem;
use super::refusals;

/// Those who were sent away together come back over so many seconds.
const SPREAD_SECONDS: u64 = 3;

/// The fallback of the router.
pub async fn not_found() -> Response {
    Problem::of("not_found").with_detail(Message::new("detail-nothing-here")).into_response()
}

/// A known path, but another method.
pub async fn method_not_allowed() -> Response {
    Problem::of("method_not_allowed").into_response()
}

/// A handler panicked: the process lives on, the client gets a number to report.
#[expect(clippy::needless_pass_by_value, reason = "the signature tower-http asks for")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("something that is not text");
    tracing::error!(panic = what, "a handler panicked");
    metrics::counter!("signupflow_panics_total").increment(1);
    Problem::of("internal_error").into_response()
}

/// Refusals of layers and bare error statuses become problem documents, with the request's id.
pub fn rendered(response: Response, arrival: &Arrival, entropy: &dyn Entropy) -> Response {
    if response.status().is_success() && response.extensions().is_empty() {
        return response;
    }
    let problem = match response.extensions().get::<LayerRefusal>() {
        Some(refusal) => Some(refusals::of_layer(refusal)),
        None => bare_problem(&response, arrival.method().is_safe()),
    };
    let response = match problem {
        Some(problem) => replaced(response, problem),
        None => response,
    };
    let response = if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        Problem::later(response, u64::from(random_bytes::<1>(entropy)[0]) % SPREAD_SECONDS)
    } else {
        response
    };
    Problem::stamp(response, arrival.id().as_str(), arrival.language())
}

/// Keeps the headers of the refusal (limits, `Allow`), replaces body and type.
#[expect(clippy::needless_pass_by_value, reason = "the old response ends here")]
fn replaced(response: Response, problem: Problem) -> Response {
    let mut fresh = problem.into_response();
    for (name, value) in response.headers() {
        let own = name == CONTENT_TYPE
            || name == http::header::CONTENT_LENGTH
            || fresh.headers().contains_key(name);
        if !own {
            fresh.headers_mut().append(name.clone(), value.clone());
        }
    }
    fresh
}

fn bare_problem(response: &Response<Body>, is_safe: bool) -> Option<Problem> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let has_form = response.extensions().get::<Problem>().is_some() || is_page(response);
    if !failed || has_form {
        return None;
    }
    let problem = Problem::of(match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::SERVICE_UNAVAILABLE if is_safe => "backend_unavailable",
        // Out of time: the change runs to its end nevertheless, and nobody is there to tell.
        StatusCode::SERVICE_UNAVAILABLE => "outcome_unknown",
        status if status.is_client_error() => "invalid_request",
        _ => "internal_error",
    });
    Some(if problem.code == "backend_unavailable" { problem.with_retry_after(1) } else { problem })
}

fn is_page(response: &Response<Body>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_ran_out_of_time_is_no_plain_failure() {
        let out_of_time = StatusCode::SERVICE_UNAVAILABLE.into_response();
        let change = bare_problem(&out_of_time, false).expect("a problem");
        assert_eq!((change.code, change.retry_after), ("outcome_unknown", None));
        let question = bare_problem(&out_of_time, true).expect("a problem");
        assert_eq!((question.code, question.retry_after), ("backend_unavailable", Some(1)));
    }
}
