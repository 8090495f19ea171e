//! [`Refusal`]: the typed reason that every layer leaves in a response it made itself.

use hardening::csrf::CsrfRefusal;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, headers::retry_after_seconds};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// Why a layer did not let a request through. An application finds it in the extensions of the response and
/// can render it anew; status and headers of the response then stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 403: something unsafe that comes from another site.
    CrossOrigin,
    /// 403: an unsafe request of a session without its CSRF token.
    Csrf(CsrfRefusal),
    /// 429: over a limit.
    RateLimited(Decision),
    /// 400: two different credentials in one request (RFC 6750, 3.1: `invalid_request`).
    AmbiguousCredentials,
    /// 503: a backend is away, so nothing can be told. The fault is for the log.
    BackendAway(Fault),
}

impl Refusal {
    /// The response's status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::CrossOrigin | Self::Csrf(_) => StatusCode::FORBIDDEN,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::AmbiguousCredentials => StatusCode::BAD_REQUEST,
            Self::BackendAway(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CrossOrigin => "cross_origin",
            Self::Csrf(CsrfRefusal::Missing) => "csrf_missing",
            Self::Csrf(CsrfRefusal::Invalid) => "csrf_invalid",
            Self::Csrf(CsrfRefusal::Expired) => "csrf_expired",
            Self::RateLimited(_) => "rate_limited",
            Self::AmbiguousCredentials => "ambiguous_credentials",
            Self::BackendAway(_) => "backend_away",
        }
    }

    /// A sentence for people. Nothing internal is in it.
    pub fn detail(&self) -> String {
        match self {
            Self::CrossOrigin => "This request comes from another site and was refused.".into(),
            Self::Csrf(reason @ CsrfRefusal::Expired) => {
                format!("{reason}. Get a fresh one, or reload the page, and try again.")
            }
            Self::Csrf(reason) => {
                format!("{reason}. Send this session's token as X-CSRF-Token, or reload the page.")
            }
            Self::RateLimited(decision) => {
                let seconds = retry_after_seconds(decision).unwrap_or(1);
                format!("Too many requests. Try again in {seconds} s.")
            }
            Self::AmbiguousCredentials => "This request carries two different credentials.".into(),
            Self::BackendAway(_) => "The service cannot answer right now. Try again shortly.".into(),
        }
    }

    /// Seconds to wait, where waiting helps.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited(decision) => Some(retry_after_seconds(decision).unwrap_or(1)),
            Self::BackendAway(_) => Some(1),
            _ => None,
        }
    }

    /// The plain response: status, a line of text, `no-store`, and the refusal itself as an extension.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(format!("{}\n", self.detail())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self == Self::AmbiguousCredentials {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_request\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardening::clock::Timestamp;

    use super::*;

    #[test]
    fn a_response_says_it_plainly_and_keeps_the_reason() {
        let decision = Decision {
            allowed: false,
            retry_after: Some(Duration::from_millis(1_500)),
            ..Decision::unlimited(Timestamp::EPOCH)
        };
        for (refusal, status, retry_after) in [
            (Refusal::CrossOrigin, 403, None),
            (Refusal::Csrf(CsrfRefusal::Missing), 403, None),
            (Refusal::RateLimited(decision), 429, Some("2")),
            (Refusal::AmbiguousCredentials, 400, None),
            (Refusal::BackendAway(Fault::unavailable("redis", "secret-host:6379")), 503, Some("1")),
        ] {
            let response: Response<String> = refusal.clone().into_response();
            assert_eq!(response.status().as_u16(), status);
            let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap());
            assert_eq!(header("retry-after"), retry_after);
            assert_eq!(header("cache-control"), Some("no-store"));
            assert_eq!(header("www-authenticate").is_some(), status == 400);
            assert!(!response.body().contains("secret-host"));
            assert_eq!(response.extensions().get::<Refusal>(), Some(&refusal));
        }
    }

    #[test]
    fn csrf_details_begin_with_the_promised_words() {
        for (reason, words) in [
            (CsrfRefusal::Missing, "CSRF token missing"),
            (CsrfRefusal::Invalid, "CSRF token invalid"),
            (CsrfRefusal::Expired, "CSRF token expired"),
        ] {
            assert!(Refusal::Csrf(reason).detail().starts_with(words));
        }
    }
}
