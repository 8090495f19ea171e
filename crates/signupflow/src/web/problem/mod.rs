//! The one shape of every refusal and failure the API sends: RFC 9457 `application/problem+json`.
//!
//! * A [`Problem`] is made from a code of the registry ([`CODES`]); status and title follow from the code.
//! * `detail` is a sentence for people, in the language they ask for by `Accept-Language`; code, title and the
//!   sentences about fields are English. Nothing internal (SQL, file names, back traces) belongs into it.
//! * The response also holds the [`Problem`] as an extension: an outer layer that knows the request id
//!   calls [`Problem::stamp`], which renders the body again and leaves all other headers alone.
//! * A page shows the same problem to people ([`ShownAs`]): status and headers stay, only the form is another.

mod code_info;
mod codes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wording::{Language, Message};

pub use codes::{CODES, CodeInfo, find};

/// The media type of every problem (RFC 9457 section 6.1).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The media type of pages.
const PAGE_TYPE: &str = "text/html; charset=utf-8";

/// The page a problem is shown as, in place of the document; a response's extension.
#[derive(Debug, Clone)]
pub struct ShownAs(pub String);

/// How long a session counts as fresh, in seconds; told to clients in the step-up challenge (RFC 9470).
const FRESH_SECONDS: u32 = 600;

/// A refusal or failure, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code, a row of [`CODES`].
    pub code: &'static str,
    /// The short name of the code.
    pub title: &'static str,
    /// What happened this time, for people.
    pub detail: Message,
    /// The id of the request; filled in by an outer layer.
    pub request_id: Option<String>,
    /// Field path (`roles.0`) → sentences, for `invalid_input`.
    pub errors: Option<BTreeMap<String, Vec<String>>>,
    /// Seconds until another attempt may succeed; also sent as `Retry-After`.
    pub retry_after: Option<u64>,
    /// The limit that was hit, in requests or failures.
    pub limit: Option<u64>,
    /// The window of that limit, in seconds.
    pub window_seconds: Option<u64>,
    /// A bearer token was sent and is not good (RFC 6750 section 3.1); without it a 401 names no error.
    pub token_presented: bool,
}

#[derive(Serialize)]
struct Rendered<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_seconds: Option<u64>,
}

impl Problem {
    /// The problem of a registered `code`, with the registry's sentence as its detail.
    ///
    /// A code that is not registered is a mistake in the program: it is sent as `internal_error`.
    pub fn of(code: &'static str) -> Self {
        debug_assert!(find(code).is_some(), "{code} is not in the registry of problem codes");
        let info = find(code).unwrap_or(codes::FALLBACK);
        Self {
            status: info.status,
            code: info.code,
            title: info.title,
            detail: info.meaning(),
            request_id: None,
            errors: None,
            retry_after: None,
            limit: None,
            window_seconds: None,
            token_presented: false,
        }
    }

    /// An `invalid_input` about one field.
    pub fn field(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::of("invalid_input").and_field(path, sentence)
    }

    /// Adds a sentence about a field.
    #[must_use]
    pub fn and_field(mut self, path: impl Into<String>, sentence: impl Into<String>) -> Self {
        self.errors.get_or_insert_default().entry(path.into()).or_default().push(sentence.into());
        self
    }

    /// Replaces the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: Message) -> Self {
        self.detail = detail;
        self
    }

    /// Sets the seconds to wait.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Names the limit that was hit: `limit` in `window_seconds`.
    #[must_use]
    pub fn with_limit(mut self, limit: u64, window_seconds: u64) -> Self {
        self.limit = Some(limit);
        self.window_seconds = Some(window_seconds);
        self
    }

    /// Says that the refused request did carry a bearer token.
    #[must_use]
    pub fn with_token_presented(mut self) -> Self {
        self.token_presented = true;
        self
    }

    /// Puts off the return of a problem's client by `seconds`, where it has been told a time at all: those who
    /// are refused together must not come back together.
    pub fn later(mut response: Response, seconds: u64) -> Response {
        if let Some(problem) = response.extensions_mut().get_mut::<Self>()
            && let Some(retry_after) = &mut problem.retry_after
        {
            *retry_after += seconds;
            let value = HeaderValue::from(*retry_after);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }

    /// Writes `request_id` into the problem `response` carries, if it is one, and says it in this language; all other
    /// headers stay. A page says what it says in the language of its own.
    pub fn stamp(mut response: Response, request_id: &str, language: Language) -> Response {
        let Some(mut problem) = response.extensions_mut().remove::<Self>() else { return response };
        problem.request_id = Some(request_id.to_owned());
        let body = match response.extensions_mut().remove::<ShownAs>() {
            None => {
                say_language(response.headers_mut(), language);
                problem.body(language)
            }
            Some(ShownAs(html)) => {
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PAGE_TYPE));
                html.into_bytes()
            }
        };
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        *response.body_mut() = Body::from(body);
        response.extensions_mut().insert(problem);
        response
    }

    fn body(&self, language: Language) -> Vec<u8> {
        let rendered = Rendered {
            r#type: format!("/docs#problem-{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail.said_in(language),
            code: self.code,
            request_id: self.request_id.as_deref(),
            errors: self.errors.as_ref(),
            retry_after: self.retry_after,
            limit: self.limit,
            window_seconds: self.window_seconds,
        };
        serde_json::to_vec(&rendered).expect("strings and numbers under string keys always serialise")
    }

    fn challenge(&self) -> HeaderValue {
        if self.code == "step_up_required" {
            let text = format!(r#"Bearer error="insufficient_user_authentication", max_age={FRESH_SECONDS}"#);
            return HeaderValue::try_from(text).expect("the text is plain ASCII");
        }
        HeaderValue::from_static(if self.token_presented {
            r#"Bearer error="invalid_token""#
        } else {
            "Bearer"
        })
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, self.challenge());
        }
    }
}

/// Which language it is, and that another was to be had (RFC 9110, 8.5 and 12.5.5).
fn say_language(headers: &mut HeaderMap, language: Language) {
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body(Language::English)));
        *response.status_mut() = self.status;
        self.write_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}
