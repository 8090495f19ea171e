//! The OpenAPI 3.1 document, collected from the handlers themselves.

use axum::Router;
use http::Method;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Required};

use super::state::AppState;
use super::{idempotency, routes};

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
    their `detail` is a sentence in English, Spanish, Portuguese, French or Chinese, as `Accept-Language` asks for.";

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
    document_keys(&mut document);
    (router, document)
}

/// Adds the header and its refusals to every operation that takes it.
fn document_keys(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            if operation.security.is_some() && idempotency::takes_key(&method, path) {
                operation.parameters.get_or_insert_default().push(key_parameter().into());
            }
        }
    }
}

fn key_parameter() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 visible ASCII characters of your choice, such as a UUID. Sent again within a day, the request is \
             not carried out again, and answered as before (`Idempotency-Replayed: true`). Used for another request: 422 \
             `idempotency_key_reused`; while the first is being carried out: 409 `idempotency_in_progress`.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255))))
        .build()
}
