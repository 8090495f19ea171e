use std::collections::BTreeSet;
use std::path::Path;

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
        let meaning = info.meaning();
        assert!(meaning.to_string().ends_with('.'), "{} needs a whole sentence", info.code);
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
        ("account_locked", 429),
        ("backend_unavailable", 503),
    ] {
        assert_eq!(find(code).unwrap().status.as_u16(), status, "{code}");
    }
}

#[tokio::test]
async fn a_problem_has_every_member_it_was_given() {
    let problem = Problem::of("rate_limited")
        .with_retry_after(17)
        .with_limit(5, 300)
        .with_detail(Message::new("detail-form-expected"));
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
            "detail": "Send the form as browsers do.", "code": "rate_limited", "retry_after": 17, "limit": 5, "window_seconds": 300
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
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
    let stamped = Problem::stamp(response, "request_1", Language::Spanish);
    assert_eq!(stamped.headers()["x-ratelimit-limit"], "5");
    assert_eq!(stamped.headers()["content-language"], "es");
    assert!(stamped.headers().get_all(header::VARY).iter().eq(["origin", "accept-language"]));
    let length: usize = stamped.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let bytes = stamped.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len(), length);
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["request_id"], "request_1");
    assert_eq!(body["detail"], "Algunos campos no se pueden aceptar; consulta errors para cada uno.");
    assert_eq!(body["errors"], json!({"email": ["is required"]}));
}

#[tokio::test]
async fn stamping_leaves_other_responses_alone() {
    let stamped = Problem::stamp("fine".into_response(), "request_1", Language::Spanish);
    assert_eq!(stamped.into_body().collect().await.unwrap().to_bytes(), "fine");
}

#[tokio::test]
async fn a_return_is_put_off_in_header_and_body_alike() {
    let response = Problem::later(Problem::of("busy").with_retry_after(1).into_response(), 2);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(rendered(Problem::stamp(response, "id", Language::English)).await["retry_after"], 3);
    let untimed = Problem::later(Problem::of("outcome_unknown").into_response(), 2);
    assert!(!untimed.headers().contains_key("retry-after"));
}

/// The keys of the catalogue of the API's sentences; that all languages have the same is the catalogue's own test.
fn catalogue() -> BTreeSet<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../wording/locales/en/api.ftl");
    let text = std::fs::read_to_string(file).unwrap();
    let is_key = |text: &&str| !text.is_empty() && !text.starts_with([' ', '#', '}']);
    let keys = text.lines().filter_map(|line| Some(line.split_once(" =")?.0)).filter(is_key);
    keys.map(str::to_owned).collect()
}

/// Adds the keys that the sources under `folder` name.
fn named_in(folder: &Path, keys: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, keys);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let after = text.split("Message::new(").skip(1).map(str::trim_start);
            keys.extend(after.filter_map(|rest| Some(rest.strip_prefix('"')?.split_once('"')?.0.to_owned())));
        }
    }
}

/// A key that is mistyped would be shown instead of a sentence; one that nobody uses would be translated in vain.
#[test]
fn every_sentence_has_its_place_and_every_place_its_sentence() {
    let mut named: BTreeSet<String> = CODES.iter().map(|info| info.meaning().key().to_owned()).collect();
    for krate in ["accounts", "signupflow"] {
        named_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src"), &mut named);
    }
    assert!(named.len() > CODES.len() + 20);
    assert_eq!(named, catalogue());
}
