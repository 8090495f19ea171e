//! Text that tries to be SQL: stored as typed or refused, never executed and never a server error (A27; ASVS
//! 1.2.4).

use crate::support::api_walk::{World, operations, resolved, takes};
use crate::support::{Answer, PASSWORD, TestApp, fresh_ip};
use reqwest::Method;
use serde_json::json;

/// Breaking out of quotes, comments, stacked statements, unions, time delays, wildcards, of both databases.
const SQL: [&str; 64] = [
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "`",
    ";",
    "--",
    "/*",
    "*/",
    "%",
    "_",
    "%%%",
    "(",
    ")",
    "$1",
    "?",
    ":name",
    "@a",
    "||",
    "' OR '1'='1",
    "' OR 1=1--",
    "' OR 1=1#",
    "') OR ('1'='1",
    "1 OR 1=1",
    "1; DROP TABLE people",
    "'; DROP TABLE people; --",
    "'); DELETE FROM audit_logs; --",
    "' UNION SELECT NULL--",
    "' UNION SELECT password_hash FROM people--",
    "' UNION ALL SELECT 1,2,3,4,5,6,7,8,9--",
    "x' AND 1=(SELECT COUNT(*) FROM people)--",
    "' AND SLEEP(5)--",
    "'; SELECT pg_sleep(5)--",
    "' || pg_sleep(5)--",
    "1 AND randomblob(1000000000)",
    "'; ATTACH DATABASE 'x' AS y;--",
    "'; PRAGMA writable_schema=1;--",
    "'; VACUUM; --",
    "' AND load_extension('x')--",
    "'; COPY people TO '/tmp/x';--",
    "'; SELECT lo_import('/etc/passwd');--",
    "$$; SELECT 1; $$",
    "E'\\\\047'",
    "U&'\\0027'",
    "x'27'",
    "chr(39)||chr(39)",
    "admin'--",
    "admin'/*",
    "1/**/OR/**/1=1",
    "' oR '1'='1",
    "' OR 'a' LIKE '%",
    "' GROUP BY 1 HAVING 1=1--",
    "' ORDER BY 99--",
    "1) ORDER BY (CASE WHEN 1=1 THEN 1 ELSE 2 END",
    "'; INSERT INTO people DEFAULT VALUES;--",
    "' RETURNING password_hash--",
    "'; UPDATE people SET roles='[\"admin\"]';--",
    "NULL",
    "true",
    "0x27",
    "{{7*7}}",
    "${7*7}",
    "O'Brien; select * from it",
];

/// An eighth of the lines: each place takes another one, and all places together take every line many times.
fn part(number: usize) -> impl Iterator<Item = &'static str> {
    SQL.iter().copied().skip(number % 8).step_by(8)
}

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

/// Whatever came, it is an answer and not an accident.
#[track_caller]
fn no_accident(what: &str, answer: &Answer) {
    assert!(answer.status.as_u16() < 500, "{what}: {}", answer.text);
    for word in ["SQL", "sqlite", "postgres", "syntax error", "SELECT ", "constraint", "panicked"] {
        assert!(!answer.text.contains(word) || what.contains(word), "{what} shows {word}: {}", answer.text);
    }
}

/// A27: what may be typed is kept to the letter.
#[tokio::test]
async fn texts_keep_what_was_typed() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let admin = &world.admin;
    let (team, event) = (world.fill("/api/teams/{id}"), world.fill("/api/events/{id}"));
    let (org, person) = (world.fill("/api/organizations/{id}"), world.fill("/api/people/{id}"));
    for payload in SQL {
        let typed = json!({"name": payload, "description": payload});
        let kept = admin.put(&team, &typed).await.expect(200).json;
        assert_eq!((&kept["name"], &kept["description"]), (&json!(payload), &json!(payload)));
        let mut typed = json!({"title": payload, "type": payload, "location": payload});
        (typed["start"], typed["end"]) = (json!("2026-12-01T09:00:00Z"), json!("2026-12-01T12:00:00Z"));
        let kept = admin.put(&event, &typed).await.expect(200).json;
        for field in ["title", "type", "location"] {
            assert_eq!(kept[field], payload);
        }
        let kept = admin.put(&org, &json!({"name": payload, "region": payload})).await.expect(200).json;
        assert_eq!((&kept["name"], &kept["region"]), (&json!(payload), &json!(payload)));
        admin.put(&person, &json!({"name": payload})).await.expect(200);
        assert_eq!(admin.get(&person).await.expect(200).json["name"], payload);
    }
    assert_eq!(admin.get("/api/people").await.expect(200).json["items"].as_array().map(Vec::len), Some(2));
    let log = admin.get("/api/audit/logs?action=person.update&limit=1000").await.expect(200);
    assert_eq!(log.json["total"], SQL.len(), "every change is in the log, and the log is there");
}

/// A27: in every text field of every route, e-mails and tokens included.
#[tokio::test]
async fn no_field_lets_sql_through() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let other = app.admin().await;
    let before = other.get("/api/people").await.expect(200).text;
    let (operations, document) = operations(&app).await;
    let mut tried = 0;
    for operation in &operations {
        let Some(schema) = &operation.body else { continue };
        for (field, property) in schema["properties"].as_object().expect("fields") {
            let property = resolved(&document, property);
            tried += 1;
            for payload in part(tried) {
                let mut body = world.good_body(schema);
                let value = if takes(&property, "array") { json!([payload]) } else { json!(payload) };
                body.insert(field.clone(), value);
                if field == "org_id" || field == "invitation_token" {
                    body.remove("org_name");
                }
                let bytes = serde_json::to_vec(&body).expect("JSON");
                let what = format!("{} {} {field}={payload}", operation.method, operation.path);
                if operation.path.ends_with("/logout") || field == "open_signup" {
                    continue;
                }
                no_accident(&what, &world.send(operation, "application/json", bytes).await);
            }
        }
    }
    assert_eq!(other.get("/api/people").await.expect(200).text, before);
    app.login_from(&fresh_ip(), &other.email, PASSWORD).await.expect(200);
}

fn encoded(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A27: filters match what is there and nothing else; sorting, limits and cursors take no SQL.
#[tokio::test]
async fn no_query_lets_sql_through() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let mut tried = 0;
    for operation in operations(&app).await.0.iter().filter(|operation| operation.method == Method::GET) {
        let path = world.fill(&operation.path);
        for (name, schema) in &operation.query {
            tried += 1;
            for payload in part(tried) {
                let what = format!("{path}?{name}={payload}");
                let answer =
                    world.ask(&operation.method, &format!("{path}?{name}={}", encoded(payload))).await;
                no_accident(&what, &answer);
                if takes(schema, "integer") || name == "cursor" {
                    assert_eq!(answer.status, 422, "{what}: {}", answer.text);
                }
                if name == "org_id" {
                    assert_eq!(answer.status, 404, "{what}: {}", answer.text);
                }
                let filters = operation.path == "/api/audit/logs" && answer.status == 200 && name != "q";
                assert!(!filters || answer.json["total"] == 0, "{what} matches {}", answer.json["total"]);
            }
        }
    }
}

/// A27: ids of paths are ids or nothing.
#[tokio::test]
async fn no_id_lets_sql_through() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let ids = operations(&app).await.0.into_iter().filter(|operation| operation.path.contains('{'));
    for operation in ids {
        for payload in SQL.iter().chain(&[
            "*",
            "\0",
            "person_\0",
            "\u{202e}",
            "ｐｅｒｓｏｎ",
            "%00",
            "null",
            "undefined",
        ]) {
            let path =
                operation.path.replace("{id}", &encoded(payload)).replace("{person_id}", &encoded(payload));
            let mut request = world.admin.request(operation.method.clone(), &path);
            if let Some(schema) = &operation.body {
                request = request.json(&world.good_body(schema));
            }
            let answer = Answer::of(request.send().await).await;
            assert!(
                matches!(answer.status.as_u16(), 404 | 405),
                "{} {path} {payload}: {}",
                operation.method,
                answer.text
            );
        }
    }
    assert!(world.member.is_signed_in().await && world.admin.is_signed_in().await);
}

/// A27: signing in with SQL for a name or a password is signing in with a wrong one.
#[tokio::test]
async fn sql_signs_nobody_in() {
    let app = unlimited().await;
    let admin = app.admin().await;
    for payload in SQL {
        let as_email = app.login_from(&fresh_ip(), payload, PASSWORD).await;
        assert!(matches!(as_email.status.as_u16(), 401 | 422), "{payload}: {}", as_email.text);
        let quoted = format!("{}{payload}", admin.email);
        let as_suffix = app.login_from(&fresh_ip(), &quoted, PASSWORD).await;
        assert!(matches!(as_suffix.status.as_u16(), 401 | 422), "{payload}: {}", as_suffix.text);
        app.login_from(&fresh_ip(), &admin.email, payload).await.expect_problem(401, "invalid_credentials");
    }
}
