//! Browser pages: rendered on the server, without scripts.

pub mod assets;
pub mod docs;
mod docs_model;
pub mod home;
pub mod unlock;
pub mod well_known;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use hardening::fault::Fault;

use super::refusals::Answer;

/// A rendered page, or a 500 when the template fails.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => Answer::from(Fault::internal(error)).into_response(),
    }
}
