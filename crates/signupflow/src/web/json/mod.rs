//! The strict JSON extractor: what a handler takes is exactly what was sent, or the request is refused.
//!
//! | what is wrong | answer |
//! |---|---|
//! | `Content-Type` is not `application/json` (the only parameter: `charset=utf-8`), or a content encoding | 415 |
//! | more bytes than the limit ([`BODY_LIMIT`], or the route's [`BodyLimit`]), declared or sent | 413 |
//! | the body takes longer than [`BODY_TIMEOUT`] | 408 |
//! | not UTF-8, a byte order mark, not one JSON text, nested too deep, half a surrogate pair | 400 `invalid_json` |
//! | a key twice in one object | 400 `duplicate_field` |
//! | missing, unknown or wrongly typed fields | 422 `invalid_input`, with the path of each |
//!
//! An empty body counts as `{}`, so that the answer names the missing fields.

mod fault;
pub(in crate::web) mod reader;
mod stand_in;
#[cfg(test)]
mod tests;
pub(in crate::web) mod tree;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use wording::Message;

use super::problem::Problem;
use tree::Unreadable;

/// The largest body, in bytes, of a route that says nothing else.
pub const BODY_LIMIT: usize = 64 * 1024;

/// How long a whole body may take to arrive. Shorter than a request may take in all, so that its sender is told that
/// nothing was done (408) and not that nobody knows (503).
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest body of one route, in bytes: set it with `.layer(Extension(BodyLimit(…)))`.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// A request body read strictly; as a response, the usual JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let typed = check_headers(request.headers());
        if typed.is_err() && request.headers().contains_key(header::CONTENT_TYPE) {
            typed.clone()?;
        }
        let bytes = read_body(request).await?;
        if !bytes.is_empty() {
            typed?;
        }
        from_bytes(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads the whole body within the limits of this module.
///
/// # Errors
/// 413 over the limit, 408 when too slow, 400 when it breaks off.
pub async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let limit = request.extensions().get::<BodyLimit>().map_or(BODY_LIMIT, |limit| limit.0);
    let too_large = || {
        Problem::of("payload_too_large")
            .with_detail(Message::new("detail-body-too-large").with("limit", limit))
    };
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: usize| declared > limit) {
        return Err(too_large());
    }
    let body = Limited::<Body>::new(request.into_body(), limit).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::of("invalid_request").with_detail(Message::new("detail-body-broke-off"))),
        Err(_) => Err(Problem::of("request_timeout")),
    }
}

/// Reads a `T` from the bytes of a JSON text, by the rules of this module.
///
/// # Errors
/// 400 when the bytes are no JSON text or name a key twice, 422 when the text does not fit `T`.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::of("invalid_json"))?;
    let tree = tree::parse(text).map_err(|unreadable| match unreadable {
        Unreadable::Malformed => Problem::of("invalid_json"),
        Unreadable::Duplicate(name) => duplicate(Message::new("detail-field-twice"), &name),
    })?;
    reader::read(&tree, "body").map_err(invalid_input)
}

/// The refusal of a name given twice, in the sentence `key`.
pub(super) fn duplicate(sentence: Message, name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::of("duplicate_field").with_detail(sentence.with("name", format!("{name:?}")))
}

pub(super) fn invalid_input(errors: reader::Errors) -> Problem {
    Problem { errors: Some(errors), ..Problem::of("invalid_input") }
}

pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let encoded = headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| encoding != "identity");
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(is_json);
    if encoded || !json || types.next().is_some() {
        return Err(Problem::of("unsupported_media_type"));
    }
    Ok(())
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
    };
    essence.eq_ignore_ascii_case("application/json") && parts.all(utf8)
}
