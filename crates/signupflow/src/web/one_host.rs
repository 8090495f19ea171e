//! Every request names one host (RFC 9112, 3.2). Nothing here is made from that name; but a proxy in front
//! that reads another of two names than the rest of the world decides about another request.

use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Version};
use wording::Message;

use super::problem::Problem;

/// The answer to a request that does not name exactly one well-formed host; HTTP/2 and HTTP/1.0 may name it
/// elsewhere or not at all.
pub fn refusal(parts: &Parts) -> Option<Response> {
    if names_one_host(&parts.headers, parts.version) {
        return None;
    }
    Some(Problem::of("invalid_request").with_detail(Message::new("detail-one-host")).into_response())
}

fn names_one_host(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => version != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// Letters, digits and what else stands in names, addresses and ports; no user, no path.
fn is_host(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(hosts: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, http::HeaderValue::from_static(host));
        }
        headers
    }

    #[test]
    fn one_plain_host_is_asked_for() {
        for good in ["a.example", "a.example:8443", "127.0.0.1:80", "[::1]:80", "web_1"] {
            assert!(names_one_host(&headers(&[good]), Version::HTTP_11), "{good}");
        }
        for bad in ["", "a@evil.example", "a/b", "a b", "a,b", "a\\b", "a?b", "a#b"] {
            assert!(!names_one_host(&headers(&[bad]), Version::HTTP_11), "{bad}");
            assert!(!names_one_host(&headers(&[bad]), Version::HTTP_2), "{bad}");
        }
        assert!(!names_one_host(&headers(&["a", "a"]), Version::HTTP_2));
    }

    #[test]
    fn only_http_1_1_must_have_the_header() {
        assert!(!names_one_host(&headers(&[]), Version::HTTP_11));
        assert!(names_one_host(&headers(&[]), Version::HTTP_2));
        assert!(names_one_host(&headers(&[]), Version::HTTP_10));
    }
}
