//! What holds for many operations of the document is added by rule, so that no handler can forget it: names, the headers
//! of changes, the media type of errors, and the refusals that the pipeline gives everywhere.

use http::Method;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required};

use super::idempotency;
use super::problem::MEDIA_TYPE;

/// Refusals of many operations: status, name, and the codes with what they mean.
const COMMON: [(&str, &str, &str); 10] = [
    ("400", "Unreadable", "invalid_json, duplicate_field, invalid_request: it cannot be read"),
    ("401", "Unauthenticated", "unauthenticated: no session, or one that has ended"),
    (
        "403",
        "Forbidden",
        "cross_origin, https_required; inside a session also csrf_missing, csrf_invalid, csrf_expired, \
         2fa_setup_required, forbidden",
    ),
    ("404", "NotFound", "not_found: not there, or of another organization"),
    ("408", "TooSlow", "request_timeout: the body took too long to arrive"),
    ("413", "TooLarge", "payload_too_large"),
    ("415", "NotJson", "unsupported_media_type: the body is not application/json"),
    ("422", "InvalidInput", "invalid_input: `errors` names the fields"),
    ("429", "TooMany", "rate_limited, account_locked: `Retry-After` says when to come again"),
    (
        "503",
        "Unavailable",
        "busy, backend_unavailable: come again after `Retry-After`; outcome_unknown: it may have been done",
    ),
];

/// Where the temporary token of a sign-in may stand in for a session; it takes no CSRF token.
const ENROLMENT: [&str; 2] = ["/api/auth/2fa/enable", "/api/auth/2fa/verify-setup"];

/// Adds all that follows from rules.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(&method, path));
            add_headers(operation, &method, path);
            refuse_in_problems(operation);
            add_common(operation, path);
        }
    }
    let components = document.components.get_or_insert_default();
    for (status, name, codes) in COMMON {
        components.responses.insert(name.to_owned(), common(status, codes).into());
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [
        (Method::GET, get),
        (Method::POST, post),
        (Method::PUT, put),
        (Method::PATCH, patch),
        (Method::DELETE, delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Made of what the contract fixes, method and path, so that it is unique and changes with nothing else:
/// `deleteTeamsByIdMembersByPersonId`.
fn operation_id(method: &Method, path: &str) -> String {
    let mut id = method.as_str().to_ascii_lowercase();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != "api") {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        id.push_str(name.map_or("", |_| "By"));
        for word in name.unwrap_or(part).split(['-', '_', '.']) {
            let (first, rest) = word.split_at(word.len().min(1));
            id.push_str(&first.to_ascii_uppercase());
            id.push_str(rest);
        }
    }
    id
}

/// The headers that changes inside a session take.
fn add_headers(operation: &mut Operation, method: &Method, path: &str) {
    if operation.security.is_none() || method.is_safe() {
        return;
    }
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(csrf_parameter(ENROLMENT.contains(&path)).into());
    if idempotency::takes_key(method, path) {
        parameters.push(key_parameter().into());
    }
}

fn csrf_parameter(enrolment: bool) -> Parameter {
    let (required, about) = if enrolment {
        (
            Required::False,
            "The `csrf_token` of the session; not needed with the temporary token of a sign-in.",
        )
    } else {
        (Required::True, "The `csrf_token` of the session, from signing in or from /api/auth/csrf.")
    };
    ParameterBuilder::new()
        .name("X-CSRF-Token")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
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

/// Errors that a handler declares are problem documents, whatever it says of their form.
fn refuse_in_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with(['4', '5']), response) {
            response.content.clear();
            response.content.insert(MEDIA_TYPE.to_owned(), problem().into());
        }
    }
}

fn problem() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build()
}

/// What the handler says of a status itself stands.
fn add_common(operation: &mut Operation, path: &str) {
    let takes = |place: ParameterIn| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == place,
            RefOr::Ref(_) => false,
        })
    };
    let takes_json = match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        _ => false,
    };
    let takes_query = takes(ParameterIn::Query);
    let takes_id = takes(ParameterIn::Path);
    let in_session = operation.security.is_some();
    let in_api = path.starts_with("/api/");
    for (status, name, _) in COMMON {
        let applies = match status {
            "400" | "422" => takes_json || takes_query,
            "401" => in_session,
            "404" => takes_id,
            "408" | "413" | "415" => takes_json,
            _ => in_api,
        };
        if applies {
            let responses = &mut operation.responses.responses;
            responses.entry(status.to_owned()).or_insert(Ref::from_response_name(name).into());
        }
    }
}

fn common(status: &str, codes: &str) -> Response {
    let mut response = ResponseBuilder::new().description(codes).content(MEDIA_TYPE, problem());
    if matches!(status, "429" | "503") {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let about = "Seconds to wait; not with outcome_unknown.";
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some(about)).build();
        response = response.header("Retry-After", header);
    }
    response.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_after_method_and_path() {
        for (method, path, id) in [
            (Method::GET, "/health", "getHealth"),
            (Method::GET, "/api/teams", "getTeams"),
            (Method::POST, "/api/auth/2fa/verify-setup", "postAuth2faVerifySetup"),
            (Method::DELETE, "/api/teams/{id}/members/{person_id}", "deleteTeamsByIdMembersByPersonId"),
        ] {
            assert_eq!(operation_id(&method, path), id);
        }
    }
}
