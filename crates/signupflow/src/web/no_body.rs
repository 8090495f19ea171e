//! What handlers take that need no body: a client that sends one believes that it means something, such as
//! `{"erase": true}`, and must not be left in that belief.

use axum::extract::{FromRequest, Request};
use serde::Deserialize;

use super::json::{check_headers, from_bytes, read_body};
use super::problem::Problem;

/// No body, or `{}`. Any other is refused by the rules of [`super::json`].
pub struct NoBody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    /// What an empty body is called does not matter: some clients name a type with every request.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let typed = check_headers(request.headers());
        let bytes = read_body(request).await?;
        if !bytes.is_empty() {
            typed?;
            let Nothing {} = from_bytes(&bytes)?;
        }
        Ok(Self)
    }
}
