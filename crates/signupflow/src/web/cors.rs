//! Cross-origin reading, for the exact origins in `CORS_ALLOWED_ORIGINS` and no others (Fetch standard).
//! Credentials are never allowed: programs on other origins use a bearer, which scripts must add themselves.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

/// Answers preflights of allowed origins, and marks answers as readable for them.
#[derive(Clone)]
pub struct CrossOriginReading {
    allowed: Arc<[String]>,
}

impl CrossOriginReading {
    /// For exactly these origins.
    pub fn new(allowed: Vec<String>) -> Self {
        Self { allowed: allowed.into() }
    }
}

impl CrossOriginReading {
    /// The allowed origin whose script asks, if any.
    ///
    /// # Errors
    /// The answer to its preflight.
    pub fn reader_of(&self, parts: &Parts) -> Result<Option<HeaderValue>, Response> {
        let Some(origin) = parts.headers.get(ORIGIN) else { return Ok(None) };
        if !self.allowed.iter().any(|one| one.as_bytes() == origin.as_bytes()) {
            return Ok(None);
        }
        let preflight =
            parts.method == Method::OPTIONS && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if preflight { Err(preflight_answer(origin.clone())) } else { Ok(Some(origin.clone())) }
    }

    /// The answer, which that origin may read.
    pub fn readable(mut response: Response, reader: Option<HeaderValue>) -> Response {
        if let Some(origin) = reader {
            name_origin(response.headers_mut(), origin);
            let readable = HeaderValue::from_static(
                "idempotency-replayed, retry-after, x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset",
            );
            response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
        response
    }
}

fn preflight_answer(origin: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    name_origin(headers, origin);
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let fields = HeaderValue::from_static("authorization, content-type, idempotency-key, x-csrf-token");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, fields);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn name_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
