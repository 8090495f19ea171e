use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;

async fn rendered(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn codes_are_unique_plain_and_refusals() {
    for (place, info) in CODES.iter().enumerate() {
        assert!(CODES[..place].iter().all(|other| other.code != info.code), "{} twice", info.code);
        assert!(
            info.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
        assert!(info.status.is_client_error() || info.status.is_server_error());
        assert!(info.meaning.ends_with('.'), "{} needs a whole sentence", info.code);
        assert_eq!(Problem::of(info.code).status, info.status);
    }
}

#[test]
fn statuses_follow_the_contract() {
    for (code, status) in [
        ("token_invalid", 400),
        ("step_up_required", 401),
        ("wrong_password", 403),
        ("2fa_setup_required", 403),
        ("last_admin", 409),
        ("host_unknown", 421),
        ("account_locked", 429),
        ("backend_unavailable", 503),
    ] {
        assert_eq!(find(code).unwrap().status.as_u16(), status, "{code}");
    }
}

#[tokio::test]
async fn a_problem_has_every_member_it_was_given() {
    let problem =
        Problem::of("rate_limited").with_retry_after(17).with_limit(5, 300).with_detail("Slow down.");
    let response = problem.into_response();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["retry-after"], "17");
    assert!(!response.headers().contains_key("www-authenticate"));
    assert_eq!(
        rendered(response).await,
        json!({
            "type": "/docs#problem-rate_limited", "title": "Too many requests", "status": 429,
            "detail": "Slow down.", "code": "rate_limited", "retry_after": 17, "limit": 5, "window_seconds": 300
        })
    );
}

#[test]
fn a_401_carries_the_challenge_its_reason_calls_for() {
    let challenge =
        |problem: Problem| problem.into_response().headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(challenge(Problem::of("unauthenticated")), "Bearer");
    assert_eq!(
        challenge(Problem::of("unauthenticated").with_token_presented()),
        r#"Bearer error="invalid_token""#
    );
    let step_up = challenge(Problem::of("step_up_required").with_token_presented());
    assert_eq!(step_up, r#"Bearer error="insufficient_user_authentication", max_age=600"#);
}

#[tokio::test]
async fn stamping_adds_the_request_id_and_keeps_other_headers() {
    let mut response = Problem::field("email", "is required").into_response();
    response.headers_mut().insert("x-ratelimit-limit", HeaderValue::from_static("5"));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    let stamped = Problem::stamp(response, "request_1");
    assert_eq!(stamped.headers()["x-ratelimit-limit"], "5");
    let length: usize = stamped.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let bytes = stamped.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len(), length);
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["request_id"], "request_1");
    assert_eq!(body["errors"], json!({"email": ["is required"]}));
}

#[tokio::test]
async fn stamping_leaves_other_responses_alone() {
    let stamped = Problem::stamp("fine".into_response(), "request_1");
    assert_eq!(stamped.into_body().collect().await.unwrap().to_bytes(), "fine");
}

#[tokio::test]
async fn a_return_is_put_off_in_header_and_body_alike() {
    let response = Problem::later(Problem::of("busy").with_retry_after(1).into_response(), 2);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(rendered(Problem::stamp(response, "id")).await["retry_after"], 3);
    let untimed = Problem::later(Problem::of("outcome_unknown").into_response(), 2);
    assert!(!untimed.headers().contains_key("retry-after"));
}
