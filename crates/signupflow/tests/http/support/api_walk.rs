//! The operations of the OpenAPI document, with bodies that are right, for suites that walk all routes.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Answer, Persona, TestApp, fresh_email, fresh_ip};

/// Limits that no walk reaches.
pub const WIDE: &str = r#"
[[rule]]
route = "/api/*"
limit = 1000000
window = "1m"
per = "ip"
count = "requests"

[[rule]]
route = "/api/*"
methods = ["POST", "PUT", "PATCH", "DELETE"]
limit = 1000000
window = "1m"
per = "person"
count = "requests"
"#;

/// An application whose traffic limits do not get in the way.
pub async fn wide_app() -> TestApp {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(rules.path(), WIDE).expect("it can be written");
    let path = rules.path().display().to_string();
    TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "1000000"), ("RATE_LIMIT_RULES_FILE", &path)]).await
}

/// A well-formed refusal: a 4xx problem document with a registered code.
#[track_caller]
pub fn refused(what: &str, answer: &Answer) -> String {
    let status = answer.status.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let code = answer.json["code"].as_str().unwrap_or_default();
    let known = signupflow::web::problem::find(code).unwrap_or_else(|| panic!("{what}: {}", answer.text));
    assert_eq!(known.status.as_u16(), status, "{what}");
    assert!(!answer.json["request_id"].as_str().unwrap_or_default().is_empty(), "{what}");
    assert!(answer.json["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what}");
    code.to_owned()
}

/// Refused as invalid input, with this field among the errors.
#[track_caller]
pub fn names_field(what: &str, field: &str, answer: &Answer) {
    assert_eq!(refused(what, answer), "invalid_input", "{what}: {}", answer.text);
    let errors = answer.json["errors"].as_object().expect("errors");
    let named = |key: &String| {
        key == field || key.starts_with(&format!("{field}[")) || key.starts_with(&format!("{field}."))
    };
    assert!(errors.keys().any(named), "{what}: {field} is not named in {}", answer.text);
    assert!(errors.values().all(|sentences| sentences[0].as_str().is_some_and(|s| s.len() > 5)), "{what}");
}

/// One route and method of the document.
pub struct Operation {
    pub method: Method,
    /// With its `{…}` places.
    pub path: String,
    /// The schema of the JSON body, references resolved one level deep.
    pub body: Option<Value>,
    /// Name and schema of each query parameter.
    pub query: Vec<(String, Value)>,
    /// Whether it says that it needs a session.
    pub signed_in: bool,
}

impl Operation {
    /// Whether it changes something and takes no body to do so.
    pub fn takes_no_body(&self) -> bool {
        self.body.is_none() && self.signed_in && self.method != Method::GET
    }
}

/// Every operation, in the document's order.
pub async fn operations(app: &TestApp) -> (Vec<Operation>, Value) {
    let document = app.get("/openapi.json").await.expect(200).json;
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let body = operation["requestBody"]["content"].get("application/json");
            found.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                body: body.map(|body| resolved(&document, &body["schema"])),
                query: query_of(operation),
                signed_in: operation["security"].is_array(),
            });
        }
    }
    (found, document)
}

fn query_of(operation: &Value) -> Vec<(String, Value)> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| {
            (parameter["name"].as_str().expect("a name").to_owned(), parameter["schema"].clone())
        })
        .collect()
}

/// Follows `$ref`, and the one alternative beside null.
pub fn resolved(document: &Value, schema: &Value) -> Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        let target =
            document.pointer(pointer.trim_start_matches('#')).expect("a reference that leads somewhere");
        return resolved(document, target);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let real = choices.iter().find(|choice| choice["type"] != "null").expect("a real alternative");
        let mut schema = resolved(document, real);
        schema["type"] = json!([schema["type"], "null"]);
        return schema;
    }
    schema.clone()
}

/// Whether the schema takes this JSON type (`string`, `integer`, `null`, …).
pub fn takes(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
}

/// Resources of one organization, so that paths can be filled in.
pub struct World<'a> {
    pub admin: Persona<'a>,
    pub member: Persona<'a>,
    pub event_id: String,
    pub team_id: String,
    pub invitation_id: String,
}

impl<'a> World<'a> {
    pub async fn of(app: &'a TestApp) -> World<'a> {
        let admin = app.admin().await;
        let member = app.volunteer(&admin).await;
        let event = json!({"title": "Beach", "type": "service", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        let event_id = admin.post("/api/events", &event).await.expect(201).field("id");
        let team_id = admin.post("/api/teams", &json!({"name": "Crew"})).await.expect(201).field("id");
        let invitation = json!({"email": fresh_email(), "roles": ["usher"]});
        let invitation_id = admin.post("/api/invitations", &invitation).await.expect(201).field("id");
        Self { admin, member, event_id, team_id, invitation_id }
    }

    /// The path with resources of this world in its places.
    pub fn fill(&self, path: &str) -> String {
        let id = match path.split('/').nth(2) {
            Some("events") => &self.event_id,
            Some("teams") => &self.team_id,
            Some("people") => &self.member.id,
            Some("organizations") => &self.admin.org_id,
            Some("invitations") => &self.invitation_id,
            _ => "session_none",
        };
        path.replace("{id}", id).replace("{person_id}", &self.member.id)
    }

    /// A body this operation would take.
    pub fn good_body(&self, schema: &Value) -> Map<String, Value> {
        let fields = schema["properties"].as_object().expect("fields");
        let required =
            |name: &String| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let value = |name: &String| match name.as_str() {
            "code" if required(name) => Some(json!("123456")),
            name => self.good_value(name),
        };
        fields.keys().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }

    fn good_value(&self, field: &str) -> Option<Value> {
        Some(match field {
            "email" => json!(fresh_email()),
            "password" | "old_password" => json!(super::PASSWORD),
            "new_password" => json!(super::OTHER_PASSWORD),
            "start" => json!("2026-12-01T09:00:00Z"),
            "end" => json!("2026-12-01T12:00:00Z"),
            "roles" => json!(["usher"]),
            "required_roles" => json!([{"role": "usher", "count": 2}]),
            "person_id" => json!(self.member.id),
            "timezone" => json!("Europe/Madrid"),
            "language" => json!("es"),
            "open_signup" => json!(false),
            // Of the ushers only, and not before their grandchildren: nobody of this world is locked in.
            "require" => json!(true),
            "deadline" => json!("2066-12-01T09:00:00Z"),
            "session_ttl_hours" | "session_idle_minutes" | "session_max_per_user" => json!(3),
            // Alternatives to `org_name`, and what only some sign-ins have.
            "org_id" | "invitation_token" | "device_token" | "code" => return None,
            _ => json!("Plain words"),
        })
    }

    /// Sends raw bytes as the admin, or from a fresh address where no session is needed.
    pub async fn send(&self, operation: &Operation, kind: &str, body: Vec<u8>) -> Answer {
        let path = self.fill(&operation.path);
        let request = if operation.signed_in {
            self.admin.request(operation.method.clone(), &path)
        } else {
            self.admin.app.request_from(&fresh_ip(), operation.method.clone(), &path)
        };
        Answer::of(request.header("Content-Type", kind).body(body).send().await).await
    }

    /// Asks this path and query of the operation as the admin.
    pub async fn ask(&self, method: &Method, path: &str) -> Answer {
        Answer::of(self.admin.request(method.clone(), path).send().await).await
    }
}

/// Everything an admin can see of the organization, and how long the audit log is.
pub async fn state_of(world: &World<'_>) -> Vec<String> {
    let mut state = vec![world.admin.app.whole_audit_log().await.len().to_string()];
    for path in ["/api/people", "/api/events", "/api/teams", "/api/invitations", "/api/sessions"] {
        let mut json = world.admin.get(path).await.expect(200).json;
        for session in json["sessions"].as_array_mut().into_iter().flatten() {
            session["last_activity"] = Value::Null;
        }
        state.push(json.to_string());
    }
    state.push(world.admin.get(&world.fill("/api/organizations/{id}")).await.expect(200).text);
    state
}
