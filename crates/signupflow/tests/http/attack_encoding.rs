//! Characters nobody sees and bytes that are no text: refused everywhere, never stored and never a server
//! error (A28; ASVS 1.1.1, 2.2).

use crate::support::api_walk::{World, operations, resolved, takes};
use crate::support::{Answer, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

/// What no honest text holds: controls, what turns the reading around, what cannot be seen, what is no character.
const UNSEEN: [&str; 22] = [
    "\0",
    "a\0b",
    "\u{1}",
    "\u{8}",
    "\u{b}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{9b}",
    "\u{202e}evil",
    "\u{202a}x",
    "\u{2066}x\u{2069}",
    "\u{200b}",
    "a\u{200b}b",
    "\u{2060}x",
    "\u{feff}x",
    "a\u{feff}",
    "\u{2028}x",
    "\u{2029}x",
    "\u{fffe}x",
    "a\u{ffff}",
    "\u{e0001}x",
];

/// A28: in every text field of every route; passwords may hold anything, and are judged or wrong.
#[tokio::test]
async fn unseen_characters_are_refused_everywhere() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let (operations, document) = operations(&app).await;
    let audit = on_record(&app).await;
    for operation in &operations {
        if operation.takes_no_body() {
            for text in UNSEEN {
                let bytes = serde_json::to_vec(&json!({ text: text })).expect("JSON");
                let answer = world.send(operation, "application/json", bytes).await;
                assert_eq!(answer.status, 422, "{} {}: {}", operation.method, operation.path, answer.text);
            }
        }
        let Some(schema) = &operation.body else { continue };
        for (field, property) in schema["properties"].as_object().expect("fields") {
            let property = resolved(&document, property);
            let list = takes(&property, "array");
            // A wrong device token is no reason to refuse a sign-in.
            let free = field.contains("password") || field == "device_token";
            if free || !(list || takes(&property, "string")) {
                continue;
            }
            for text in UNSEEN {
                // At the ends some are white space, which is trimmed.
                let text = format!("x{text}x");
                let mut body = world.good_body(schema);
                if field == "org_id" || field == "invitation_token" {
                    body.remove("org_name");
                }
                body.insert(field.clone(), if list { json!([text]) } else { json!(text) });
                let bytes = serde_json::to_vec(&body).expect("JSON");
                let answer = world.send(operation, "application/json", bytes).await;
                let what =
                    format!("{} {} {field}={text:?}: {}", operation.method, operation.path, answer.text);
                assert!(answer.status.is_client_error(), "{what}");
            }
        }
    }
    assert_eq!(on_record(&app).await, audit);
}

/// How many rows there are, less refused reset links: those are on record, whatever they look like.
async fn on_record(app: &TestApp) -> usize {
    let refused = |row: &&accounts::ports::AuditRow| row.action == "auth.password_reset";
    let rows = app.whole_audit_log().await;
    rows.len() - rows.iter().filter(refused).count()
}

/// A28: texts that are not Unicode at all, in bodies and in addresses.
#[tokio::test]
async fn broken_encodings_are_refused() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let team = world.fill("/api/teams/{id}");
    let put = |body: Vec<u8>| {
        let request =
            world.admin.request(Method::PUT, &team).header("Content-Type", "application/json").body(body);
        async move { Answer::of(request.send().await).await }
    };
    for escape in [
        "\\ud800",
        "\\udc00",
        "\\ud800\\ud800",
        "\\udc00\\ud800",
        "a\\ud83d",
        "\\ud83d x",
        "\\u12",
        "\\x41",
        "\\u{41}",
    ] {
        put(format!(r#"{{"name":"{escape}"}}"#).into_bytes()).await.expect_problem(400, "invalid_json");
    }
    let overlong: [&[u8]; 9] = [
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\x80",
        b"\xe2\x82",
    ];
    for bytes in overlong {
        put([br#"{"name":""#.as_slice(), bytes, br#""}"#].concat()).await.expect_problem(400, "invalid_json");
        let text = percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
        world.admin.get(&format!("/api/audit/logs?q={text}")).await.expect_problem(400, "invalid_request");
        world.admin.get(&format!("/api/teams/{text}")).await.expect_problem(404, "not_found");
    }
    for marked in [b"\xef\xbb\xbf{\"name\":\"x\"}".as_slice(), b"\xff\xfe{\0\"\0", b"\0{\0\"", b"+ADw-"] {
        put(marked.to_vec()).await.expect_problem(400, "invalid_json");
    }
    for query in ["q=%00", "action=%00", "user_id=a%00b", "q=%E2%80%AE", "ip_address=%00", "resource_id=%00"]
    {
        world.admin.get(&format!("/api/audit/logs?{query}")).await.expect_problem(422, "invalid_input");
    }
    let own: Value = world.admin.get(&team).await.expect(200).json;
    assert_eq!(own["name"], "Crew");
    put(br#"{"name":"\ud83c\udf0a"}"#.to_vec()).await.expect(200);
    assert_eq!(world.admin.get(&team).await.expect(200).json["name"], "\u{1f30a}");
}
