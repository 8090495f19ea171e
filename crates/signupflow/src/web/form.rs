//! The strict extractor for forms of pages: the rules of [`super::query`], for a body.
//!
//! | what is wrong | answer |
//! |---|---|
//! | `Content-Type` is not `application/x-www-form-urlencoded` | 415 |
//! | too large, too slow, broken off | as in [`super::json`] |
//! | not percent-encoded UTF-8 | 400 `invalid_request` |
//! | a field given twice | 400 `duplicate_field` |
//! | an unknown or missing field | 422 `invalid_input`, naming it |

use axum::extract::{FromRequest, Request};
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use wording::Message;

use super::json::read_body;
use super::problem::Problem;
use super::query::from_text;

/// The media type of forms.
const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The fields of a form.
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_form(request.headers()) {
            return Err(
                Problem::of("unsupported_media_type").with_detail(Message::new("detail-form-expected"))
            );
        }
        let body = read_body(request).await?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| Problem::of("invalid_request").with_detail(Message::new("detail-form-not-utf8")))?;
        from_text(text, "form").map(Self)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = kind.split(';').next().unwrap_or_default().trim();
    kinds.next().is_none() && name.eq_ignore_ascii_case(MEDIA_TYPE)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        email: String,
    }

    async fn read(kind: &str, body: &str) -> Result<String, &'static str> {
        let request =
            Request::post("/").header(CONTENT_TYPE, kind).body(Body::from(body.to_owned())).unwrap();
        let read = Form::<Fields>::from_request(request, &()).await;
        read.map(|Form(fields)| fields.email).map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_form_is_read_as_strictly_as_a_query() {
        let plain = MEDIA_TYPE;
        assert_eq!(read(plain, "email=a%2Bb%40example.com").await.as_deref(), Ok("a+b@example.com"));
        assert_eq!(read(&format!("{plain}; charset=utf-8"), "email=").await.as_deref(), Ok(""));
        assert_eq!(read("application/json", "{}").await, Err("unsupported_media_type"));
        assert_eq!(read("multipart/form-data", "email=a").await, Err("unsupported_media_type"));
        assert_eq!(read(plain, "email=a&email=b").await, Err("duplicate_field"));
        assert_eq!(read(plain, "email=a&more=b").await, Err("invalid_input"));
        assert_eq!(read(plain, "").await, Err("invalid_input"));
        assert_eq!(read(plain, "email=%zz").await, Err("invalid_request"));
        assert_eq!(read(plain, &format!("email={}", "a".repeat(70_000))).await, Err("payload_too_large"));
    }
}
