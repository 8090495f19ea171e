//! The OpenAPI 3.1 document, collected from the handlers themselves.

use axum::Router;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use super::state::AppState;
use super::{openapi_rules, routes};

/// RFC 9457 problem document.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A reference into the API page, such as `/docs#problem-invalid_input`.
    pub r#type: String,
    /// The short name of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for people, in the language of `Accept-Language` (en, es, pt, fr, zh-Hans, zh-Hant), else in English.
    pub detail: String,
    /// Stable; see the list of problems.
    pub code: String,
    /// Name it when you report a problem.
    pub request_id: Option<String>,
    /// Field → sentences, for `invalid_input`.
    pub errors: Option<std::collections::BTreeMap<String, Vec<String>>>,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
    /// The limit that was reached.
    pub limit: Option<u64>,
    /// Its window in seconds.
    pub window_seconds: Option<u64>,
}

const ABOUT: &str = "Accounts, sessions and the audit log of a volunteer scheduling service. Sign in at \
    /api/auth/login; send the token as `Authorization: Bearer …`, and with every POST, PUT, PATCH and DELETE \
    the csrf_token as `X-CSRF-Token`. Give a change an `Idempotency-Key` of your choice, and you can send it again \
    when no answer came: within a day it is done once and answered alike. Errors are RFC 9457 problem documents with a stable `code`; \
    their `detail` is a sentence in English, Spanish, Portuguese, French or Chinese, as `Accept-Language` asks for. Only what \
    cannot be read as a request (a malformed request line, a head of more than 64 KiB or 256 fields) is answered with a bare \
    400 or 431, without headers of ours.";

/// The routes of the API with their document.
pub fn router_and_document() -> (Router<AppState>, OpenApi) {
    let tags = [
        ("auth", "Signing up, in and out"),
        ("sessions", "Your own devices"),
        ("people", "People and their rights"),
        ("organizations", "Your organization"),
        ("teams", "Teams"),
        ("events", "Events"),
        ("invitations", "Invitations"),
        ("audit", "What happened"),
        ("operations", "For load balancers and operators"),
        ("reports", "For browsers"),
    ];
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("SignUpFlow")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .components(Some(ComponentsBuilder::new().security_scheme("bearer", bearer).build()))
        .tags(Some(tags.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())))
        .build();
    let (router, mut document) =
        utoipa_axum::router::OpenApiRouter::with_openapi(document).merge(routes::api()).split_for_parts();
    openapi_rules::complete(&mut document);
    (router, document)
}
