//! The OpenAPI document as the page shows it: operations by tag, with their fields laid out flat.

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Operations of one tag.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) operations: Vec<Operation>,
}

/// One route and method.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) needs_session: bool,
    pub(super) changes: bool,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
}

/// A parameter or a field of the body.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) place: &'static str,
    pub(super) kind: String,
    pub(super) meaning: String,
    pub(super) required: bool,
}

/// A response.
pub(super) struct Output {
    pub(super) status: String,
    pub(super) body: String,
    pub(super) meaning: String,
}

/// Lays the document out.
pub(super) fn groups(document: &Value) -> Vec<Group> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&document["tags"])
        .iter()
        .map(|tag| {
            let name = text(&tag["name"]);
            Group { operations: operations(document, &name), about: text(&tag["description"]), name }
        })
        .filter(|group| !group.operations.is_empty())
        .collect()
}

fn operations(document: &Value, tag: &str) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tagged = operation["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == tag));
            if tagged {
                found.push(read_operation(document, path, method, operation));
            }
        }
    }
    found
}

fn read_operation(document: &Value, path: &str, method: &'static str, operation: &Value) -> Operation {
    let needs_session = operation.get("security").is_some();
    let mut inputs: Vec<Input> =
        operation["parameters"].as_array().into_iter().flatten().map(|p| parameter(document, p)).collect();
    inputs.extend(body_fields(document, &operation["requestBody"]));
    let outputs = operation["responses"].as_object().into_iter().flatten().map(|(status, response)| {
        let response = resolve(document, response);
        Output {
            status: status.clone(),
            body: first_schema(response).map(|schema| kind_of(document, schema)).unwrap_or_default(),
            meaning: text(&response["description"]),
        }
    });
    Operation {
        id: format!("{method}{}", path.replace(['/', '{', '}'], "-")),
        method,
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        needs_session,
        changes: method != "get",
        inputs,
        outputs: outputs.collect(),
    }
}

fn parameter(document: &Value, parameter: &Value) -> Input {
    Input {
        name: text(&parameter["name"]),
        place: match parameter["in"].as_str() {
            Some("path") => "path",
            Some("header") => "header",
            _ => "query",
        },
        kind: kind_of(document, &parameter["schema"]),
        meaning: text(&parameter["description"]),
        required: parameter["required"] == true,
    }
}

fn body_fields(document: &Value, body: &Value) -> Vec<Input> {
    let Some(schema) = first_schema(body) else { return Vec::new() };
    let schema = resolve(document, schema);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| Input {
            name: name.clone(),
            place: "body",
            kind: kind_of(document, field),
            meaning: text(&field["description"]),
            required: required.contains(&name.as_str()),
        })
        .collect()
}

fn first_schema(part: &Value) -> Option<&Value> {
    part["content"].as_object()?.values().next().map(|media| &media["schema"])
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

fn kind_of(document: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        let target = resolve(document, schema);
        return if target["type"] == "object" || target.get("allOf").is_some() {
            name
        } else {
            kind_of(document, target)
        };
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return choices.iter().map(|choice| kind_of(document, choice)).collect::<Vec<_>>().join(" or ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => text(kind),
    };
    if kind == "array" {
        return format!("list of {}", kind_of(document, &schema["items"]));
    }
    match schema["format"].as_str() {
        Some("date-time") => format!("{kind} (time)"),
        Some("email") => format!("{kind} (e-mail)"),
        _ => kind,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::openapi::router_and_document;

    #[test]
    fn every_operation_appears_with_a_summary() {
        let (_, document) = router_and_document();
        let json = serde_json::to_value(&document).expect("serialises");
        let shown: usize = groups(&json).iter().map(|group| group.operations.len()).sum();
        let all: usize = json["paths"]
            .as_object()
            .expect("paths")
            .values()
            .map(|item| METHODS.iter().filter(|method| item.get(**method).is_some()).count())
            .sum();
        assert_eq!(shown, all);
        assert!(all > 30);
        for operation in groups(&json).iter().flat_map(|group| &group.operations) {
            assert!(!operation.summary.is_empty(), "{} {}", operation.method, operation.path);
        }
    }

    #[test]
    fn body_fields_say_what_is_required() {
        let (_, document) = router_and_document();
        let json = serde_json::to_value(&document).expect("serialises");
        let groups = groups(&json);
        let login = groups
            .iter()
            .flat_map(|group| &group.operations)
            .find(|operation| operation.path == "/api/auth/login")
            .expect("the login route");
        let field =
            |name: &str| login.inputs.iter().find(|input| input.name == name).map(|input| input.required);
        assert_eq!((field("email"), field("device_token")), (Some(true), Some(false)));
    }
}
