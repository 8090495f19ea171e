//! Cross-origin reading, for the exact origins in `CORS_ALLOWED_ORIGINS` and no others (Fetch standard).
//! Credentials are never allowed: programs on other origins use a bearer, which scripts must add themselves.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
};
use http::{HeaderMap, Method, StatusCode};

use super::around::Around;

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

impl Around for CrossOriginReading {
    type Kept = Option<HeaderValue>;

    fn before(&self, request: &mut Request) -> Result<Self::Kept, Response> {
        let origin = request.headers().get(ORIGIN);
        let known = origin.filter(|sent| self.allowed.iter().any(|one| one.as_bytes() == sent.as_bytes()));
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match known.cloned() {
            Some(origin) if preflight => Err(preflight_answer(origin)),
            known => Ok(known),
        }
    }

    fn after(self, origin: Self::Kept, mut response: Response) -> Response {
        if let Some(origin) = origin {
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
