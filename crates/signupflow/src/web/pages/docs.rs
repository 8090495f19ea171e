//! `/docs`: the API reference, rendered here from the OpenAPI document, so that it needs no script and no
//! other server (the content security policy allows neither).

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use hardening::fault::Fault;
use http::header::CONTENT_TYPE;
use utoipa::openapi::OpenApi;

use super::docs_model::{Group, groups};
use crate::web::problem::{CODES, CodeInfo};

/// Both forms of the reference, made once at start.
pub struct Documents {
    openapi: Bytes,
    page: String,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage<'a> {
    about: &'a str,
    groups: &'a [Group],
    problems: &'a [CodeInfo],
}

impl Documents {
    /// Renders both.
    pub fn of(document: &OpenApi) -> Result<Self, Fault> {
        let json = serde_json::to_value(document).map_err(Fault::internal)?;
        let about = json["info"]["description"].as_str().unwrap_or_default();
        let page =
            DocsPage { about, groups: &groups(&json), problems: CODES }.render().map_err(Fault::internal)?;
        Ok(Self { openapi: Bytes::from(json.to_string()), page })
    }

    /// The OpenAPI document as JSON.
    pub fn openapi_json(&self) -> &[u8] {
        &self.openapi
    }
}

/// The page.
pub fn show(documents: &Documents) -> Response {
    Html(documents.page.clone()).into_response()
}

/// The document.
pub fn openapi(documents: &Documents) -> Response {
    ([(CONTENT_TYPE, "application/json")], documents.openapi.clone()).into_response()
}
