//! Exports parse back to exactly the rows of the list, are attachments, and need a fresh session.

use crate::support::{PASSWORD, Persona, TestApp};
use accounts::RequestContext;
use accounts::audit_trail::{Actor, Happening};
use hardening::audit::{Action, Resource};
use serde_json::{Value, json};

/// More rows than are written at once.
const ROWS: usize = 300;

async fn eventful(app: &TestApp) -> Persona<'_> {
    let admin = app.admin().await;
    for title in ["Beach, \"quoted\"", "two; words", "=1+1", "Zoë 日本 🎉"] {
        let event = json!({"title": title, "type": "service", "description": "<p>a\nb</p>",
            "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        admin.post("/api/events", &event).await.expect(201);
        app.advance(1);
    }
    admin
}

/// The rows of the list, oldest first, and the query that exports the same ones.
async fn listed(admin: &Persona<'_>) -> (Vec<Value>, String) {
    let page = admin.get("/api/audit/logs?limit=1000").await.expect(200);
    let mut rows = page.json["logs"].as_array().expect("rows").clone();
    rows.reverse();
    let bound = rows.last().expect("a row")["timestamp"].as_str().expect("a time").to_owned();
    admin.app.advance(5);
    // One second later than the newest listed row; what reading and exporting add is later still.
    (rows, bound)
}

fn upto(rows: &[Value], exported: Vec<Value>) -> Vec<Value> {
    let known: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
    exported.into_iter().filter(|row| known.contains(&&row["id"])).collect()
}

#[tokio::test]
async fn json_and_json_lines_hold_the_rows_of_the_list() {
    let app = TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "10000")]).await;
    let admin = eventful(&app).await;
    let (services, actor) = (&app.assembly.services, Actor::server(&admin.org_id));
    let context = RequestContext::new("", "", "", None);
    for number in 0..ROWS {
        let event = Happening::done(Action::EventUpdate, Resource::new("event", number.to_string()));
        services.audit.append(services.trail(&context, &actor, event)).await.expect("appended");
    }
    app.advance(1);
    let (rows, _) = listed(&admin).await;
    assert!(rows.len() > ROWS);
    assert_eq!(rows.last().expect("a row")["action"], "audit.read", "who reads the trail stands in it");
    let json = admin.get("/api/audit/export?format=json").await.expect(200);
    let exported = json.json.as_array().expect("one array").clone();
    assert_eq!(upto(&rows, exported.clone()), rows);
    let actions: Vec<&Value> = exported[rows.len()..].iter().map(|row| &row["action"]).collect();
    assert_eq!(actions, ["audit.exported"]);
    let told = &exported.last().expect("a row")["changes"];
    assert_eq!(told, &json!({"format": {"old": null, "new": "json"}}), "what left the server is on record");
    let lines = admin.get("/api/audit/export?format=ndjson").await.expect(200);
    assert!(lines.text.ends_with('\n'));
    let parsed = lines.text.lines().map(|line| serde_json::from_str(line).expect("one object a line"));
    assert_eq!(upto(&rows, parsed.collect()), rows);
}

/// A32: cells a spreadsheet would run begin with an apostrophe, and nothing else is changed.
#[tokio::test]
async fn csv_parses_back_to_the_rows_of_the_list() {
    let app = TestApp::start().await;
    let admin = eventful(&app).await;
    let (rows, _) = listed(&admin).await;
    let answer = admin.get("/api/audit/export?format=csv").await.expect(200);
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let names: Vec<String> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    let parsed: Vec<csv::StringRecord> =
        reader.records().map(|record| record.expect("well-formed")).collect();
    for row in &rows {
        let record = parsed.iter().find(|record| record[0] == row["id"]).expect("the row");
        assert_eq!(names.len(), row.as_object().expect("a row").len());
        for (name, cell) in names.iter().zip(record) {
            let plain = cell.strip_prefix('\'').filter(|rest| rest.starts_with('=')).unwrap_or(cell);
            let value = match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                structured => {
                    let back: Value = serde_json::from_str(plain).expect("JSON in a cell");
                    assert_eq!(&back, structured, "{name}");
                    continue;
                }
            };
            assert_eq!(plain, value, "{name}");
        }
    }
    assert!(parsed.iter().any(|record| &record[9] == "'=1+1"));
    assert!(answer.text.contains("\r\n"), "RFC 4180");
}

#[tokio::test]
async fn an_export_is_an_attachment_nobody_keeps() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (query, kind, name) in [
        ("", "text/csv; charset=utf-8", "audit-log.csv"),
        ("?format=csv", "text/csv; charset=utf-8", "audit-log.csv"),
        ("?format=json", "application/json", "audit-log.json"),
        ("?format=ndjson", "application/x-ndjson", "audit-log.ndjson"),
    ] {
        let answer = admin.get(&format!("/api/audit/export{query}")).await.expect(200);
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-content-type-options")),
            ("no-store", "nosniff")
        );
    }
    admin.get("/api/audit/export?format=xlsx").await.expect_problem(422, "invalid_input");
    let empty = admin.get("/api/audit/export?format=json&end_date=2020-01-01").await.expect(200);
    assert_eq!(empty.json, json!([]));
    let empty = admin.get("/api/audit/export?format=csv&end_date=2020-01-01").await.expect(200);
    assert_eq!(empty.text.lines().count(), 1, "the head is there");
}

#[tokio::test]
async fn exporting_needs_a_fresh_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.advance(601);
    admin.get("/api/audit/logs").await.expect(200);
    let refused = admin.get("/api/audit/export").await.expect_problem(401, "step_up_required");
    assert!(refused.header("www-authenticate").contains("insufficient_user_authentication"));
    assert_eq!(app.audit_rows("audit.exported").await.len(), 0);
    admin.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await.expect(200);
    admin.get("/api/audit/export").await.expect(200);
}

#[tokio::test]
async fn dates_bound_an_export() {
    let app = TestApp::start().await;
    let admin = eventful(&app).await;
    let (rows, newest) = listed(&admin).await;
    let answer = admin.get(&format!("/api/audit/export?format=json&end_date={newest}")).await.expect(200);
    let before: Vec<Value> =
        rows.iter().filter(|row| row["timestamp"].as_str() < Some(&*newest)).cloned().collect();
    assert!(!before.is_empty() && before.len() < rows.len());
    assert_eq!(answer.json, Value::Array(before));
    app.advance(1);
    let later = admin.get(&format!("/api/audit/export?format=json&start_date={newest}")).await.expect(200);
    let told = app.audit_rows("audit.exported").await;
    let bounds: Vec<_> = told.iter().filter_map(|row| row.changes.clone()).collect();
    assert_eq!(bounds[0]["end_date"]["new"], newest);
    assert_eq!((&bounds[1]["start_date"]["new"], bounds[1].get("end_date")), (&json!(newest), None));
    assert!(
        later
            .json
            .as_array()
            .is_some_and(|rows| rows.iter().all(|row| row["timestamp"].as_str() >= Some(&*newest)))
    );
}
