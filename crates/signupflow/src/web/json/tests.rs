use axum::http::{HeaderValue, StatusCode};
use futures_util::stream;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::web::pipeline::REQUEST_TIMEOUT;

#[derive(Debug, Deserialize, PartialEq)]
struct Team {
    name: String,
    size: Option<u8>,
    open: Option<bool>,
    members: Option<Vec<Member>>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Member {
    id: String,
}

fn team(text: &str) -> Result<Team, Problem> {
    from_bytes(text.as_bytes())
}

fn errors(text: &str) -> reader::Errors {
    let problem = team(text).unwrap_err();
    assert_eq!((problem.code, problem.status.as_u16()), ("invalid_input", 422), "{text}");
    problem.errors.unwrap()
}

fn sentence(text: &str, path: &str) -> String {
    let errors = errors(text);
    errors.get(path).unwrap_or_else(|| panic!("{path} is not in {errors:?}"))[0].clone()
}

async fn extract(content_type: Option<&str>, body: Body) -> Result<Team, Problem> {
    let mut request = Request::new(body);
    if let Some(value) = content_type {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
    }
    Json::from_request(request, &()).await.map(|Json(team)| team)
}

#[test]
fn a_good_text_is_read() {
    let read = team(r#" {"name":"Ushers \ud83d\ude00","size":7,"members":[{"id":"a"}]} "#).unwrap();
    assert_eq!(read.name, "Ushers 😀");
    assert_eq!((read.size, read.open, read.members.unwrap().len()), (Some(7), None, 1));
    assert_eq!(team(r#"{"name":"a","size":null}"#).unwrap().size, None);
}

#[test]
fn malformed_texts_are_400() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let just_too_deep = format!(r#"{{"name":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    for text in [
        "{",
        "nul",
        r#"{"name":"a"} x"#,
        r#"{"name":"a",}"#,
        "\u{feff}{}",
        r#"{"name":"\ud800"}"#,
        r#"{"x":"\udc00a"}"#,
        r#"{"\ud800":1}"#,
        "{\"name\":\"a\nb\"}",
        r#"{"size":1e999}"#,
        "{'name':'a'}",
        r#"{"size":NaN}"#,
        " ",
        &deep,
        &just_too_deep,
    ] {
        let problem = team(text).unwrap_err();
        assert_eq!((problem.code, problem.status.as_u16()), ("invalid_json", 400), "{text:.40}");
    }
    assert_eq!(from_bytes::<Team>(b"{\"name\":\"\xff\"}").unwrap_err().code, "invalid_json");
}

#[test]
fn keys_given_twice_are_400_wherever_they_are() {
    for text in [
        r#"{"name":"a","name":"a"}"#,
        r#"{"name":"a","n\u0061me":"b"}"#,
        r#"{"name":"a","members":[{"id":"a","id":"b"}]}"#,
        r#"{"name":"a","extra":{"deep":[{"x":1,"x":2}]}}"#,
    ] {
        assert_eq!(team(text).unwrap_err().code, "duplicate_field", "{text}");
    }
}

#[test]
fn unknown_fields_are_named_all_together_with_what_is_allowed() {
    let errors = errors(r#"{"name":"a","roles":["admin"],"admin":true,"members":[{"id":"a","x":1}]}"#);
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["admin", "members.0.x", "roles"]);
    assert_eq!(errors["roles"], ["is not a field of this request; allowed: name, size, open, members"]);
}

#[test]
fn misfits_are_named_all_together() {
    let errors = errors(r#"{"size":"x","open":1,"members":[{"id":"a"},{"id":2},{},7],"admin":true}"#);
    let paths: Vec<_> = errors.keys().map(String::as_str).collect();
    assert_eq!(paths, ["admin", "members.1.id", "members.2.id", "members.3", "name", "open", "size"]);
    assert_eq!(errors["name"], ["is required"]);
    assert_eq!(errors["members.3"], ["must be an object"]);
}

/// Of every type that a request has.
#[test]
fn anything_can_be_stood_in_for() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only their absence is of interest")]
    struct Everything {
        kind: Kind,
        start: hardening::clock::Timestamp,
        secret: hardening::secret::Secret<String>,
        share: f64,
        whole: i64,
        flag: bool,
        inner: Member,
        list: Vec<Member>,
        map: std::collections::BTreeMap<String, u8>,
        last: String,
    }
    let problem = from_bytes::<Everything>(b"{}").unwrap_err();
    let errors = problem.errors.unwrap();
    assert_eq!(errors.len(), 10, "{errors:?}");
    let problem =
        from_bytes::<Everything>(br#"{"kind":"two","start":"noon","share":"1","inner":[]}"#).unwrap_err();
    assert_eq!(problem.errors.unwrap().len(), 10);
}

#[test]
fn the_number_and_length_of_named_fields_are_bounded() {
    let name = "x".repeat(100);
    let fields = (0..500).fold(String::new(), |fields, number| format!(r#"{fields},"{number}{name}":1"#));
    let errors = errors(&format!(r#"{{"name":"a"{fields}}}"#));
    assert!(errors.len() <= 20 && errors.keys().all(|path| path.len() <= 64));
    let members = format!(r#"{{"name":"a","members":[{}{{}}]}}"#, "{},".repeat(500));
    assert_eq!(self::errors(&members).len(), 20);
}

#[test]
fn misfits_are_named_in_words_and_never_repeat_the_value() {
    for (text, path, words) in [
        ("{}", "name", "is required"),
        (r#"{"name":null}"#, "name", "must be a string"),
        (r#"{"name":5123}"#, "name", "must be a string"),
        (r#"{"name":"a","size":"5123"}"#, "size", "must be a whole number from 0 to 255"),
        (r#"{"name":"a","size":5123}"#, "size", "must be a whole number from 0 to 255"),
        (r#"{"name":"a","open":"true"}"#, "open", "must be true or false"),
        (r#"{"name":"a","members":{}}"#, "members", "must be a list"),
        (r#"{"name":"a","members":[{"id":"a"},{}]}"#, "members.1.id", "is required"),
        (r#"{"name":"a","members":[["a"]]}"#, "members.0", "must be an object"),
        ("[]", "body", "must be an object"),
        (r#"["Ushers"]"#, "body", "must be an object"),
        ("\"a\"", "body", "must be an object"),
    ] {
        assert_eq!(sentence(text, path), words, "{text}");
    }
}

#[tokio::test]
async fn only_json_in_utf8_without_encoding_is_taken() {
    let body = || Body::from(r#"{"name":"a"}"#);
    for good in ["application/json", "Application/JSON; charset=utf-8", r#"application/json;charset="UTF-8""#]
    {
        assert!(extract(Some(good), body()).await.is_ok(), "{good}");
    }
    for bad in [
        "text/plain",
        "application/json; charset=utf-7",
        "application/json; charset=iso-8859-1",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "application/json; profile=x",
        "application/jsonp",
        "application/problem+json",
        "application/json;",
    ] {
        assert_eq!(extract(Some(bad), body()).await.unwrap_err().status, 415, "{bad}");
    }
    assert_eq!(extract(None, body()).await.unwrap_err().status, 415);
    let mut request = Request::new(body());
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert_eq!(Json::<Team>::from_request(request, &()).await.unwrap_err().status, 415);
}

#[tokio::test]
async fn an_empty_body_names_the_missing_fields() {
    let problem = extract(None, Body::empty()).await.unwrap_err();
    assert_eq!(problem.errors.unwrap()["name"], ["is required"]);
}

#[tokio::test]
async fn oversize_is_413_declared_or_streamed() {
    let mut declared = Request::new(Body::empty());
    declared.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("1000000000"));
    assert_eq!(read_body(declared).await.unwrap_err().status, 413);

    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024])));
    assert_eq!(extract(Some("application/json"), Body::from_stream(endless)).await.unwrap_err().status, 413);

    let filler = "x".repeat(BODY_LIMIT);
    assert_eq!(
        extract(Some("application/json"), Body::from(filler)).await.unwrap_err().status,
        400,
        "the limit itself fits"
    );
}

#[tokio::test]
async fn a_route_may_set_its_own_limit() {
    let mut request = Request::new(Body::from("12345"));
    request.extensions_mut().insert(BodyLimit(4));
    assert_eq!(read_body(request).await.unwrap_err().status, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    assert_eq!(extract(Some("application/json"), Body::from_stream(broken)).await.unwrap_err().status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408_before_the_request_is_given_up() {
    let begun = tokio::time::Instant::now();
    let silent = stream::pending::<Result<Bytes, std::io::Error>>();
    let problem = extract(Some("application/json"), Body::from_stream(silent)).await.unwrap_err();
    assert_eq!(problem.status, StatusCode::REQUEST_TIMEOUT);
    assert!(begun.elapsed() + Duration::from_secs(2) < REQUEST_TIMEOUT, "{:?}", begun.elapsed());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    let names = prop_oneof!["name|size|open|members|id", ".{0,4}"];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(names.clone(), inner, 0..4)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_give_a_value_or_a_4xx(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problem) = from_bytes::<Team>(&bytes) {
            prop_assert!(problem.status.is_client_error());
        }
    }

    #[test]
    fn any_json_gives_a_value_or_a_422_that_renders(value in any_json()) {
        match from_bytes::<Team>(value.to_string().as_bytes()) {
            Ok(_) => prop_assert!(value["name"].is_string()),
            Err(problem) => {
                prop_assert_eq!(problem.status.as_u16(), 422);
                prop_assert!(!problem.errors.as_ref().unwrap().is_empty());
                let _rendered = problem.into_response();
            }
        }
    }
}
