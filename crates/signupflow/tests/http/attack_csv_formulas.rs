//! A32: no cell of an export is run by a spreadsheet, whatever people put into it.

use crate::support::{Answer, Persona, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

const STARTERS: [&str; 8] = ["=", "+", "-", "@", "＝", "＋", "－", "＠"];

/// Teams made by clients whose own description a spreadsheet would run.
async fn from_odd_clients(admin: &Persona<'_>) {
    let agents = [
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "+1",
        "-1",
        "\t=1",
        "\"=1\"",
        " =1",
        ",=1",
        "x;=1",
        "x; @1",
        "x\t+1",
    ];
    for (number, agent) in agents.into_iter().enumerate() {
        let team = json!({"name": format!("Team {number}")});
        let request = admin.request(Method::POST, "/api/teams").header("User-Agent", agent).json(&team);
        Answer::of(request.send().await).await.expect(201);
    }
}

#[tokio::test]
async fn no_cell_of_an_export_starts_a_formula() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut titles = Vec::new();
    for starter in STARTERS {
        let title = format!("{starter}HYPERLINK(\"http://evil.example\";\"a, b\")");
        let event = json!({"title": title, "type": "service", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        admin.post("/api/events", &event).await.expect(201);
        titles.push(title);
    }
    from_odd_clients(&admin).await;
    let csv = admin.get("/api/audit/export?format=csv").await.expect(200).text;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::None).from_reader(csv.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("RFC 4180")).collect();
    let dangerous = |cell: &str| {
        let bare = cell.trim_start_matches([' ', '\t', '\r', '\n', '\0']);
        bare.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || cell.starts_with(['\t', '\r', '\0'])
    };
    for record in &records {
        for cell in record {
            assert!(!dangerous(cell), "{cell:?}");
            assert!(!cell.split([';', '\t', '\r', '\n']).any(dangerous), "a spreadsheet may split {cell:?}");
        }
    }
    assert!(records.iter().any(|record| &record[12] == "x;'=1"), "what was typed is still there");
    for title in &titles {
        let neutral = format!("'{title}");
        assert!(records.iter().any(|record| &record[9] == neutral.as_str()), "{title} is not there as text");
    }
    // Programs read JSON lines, and get what was typed.
    let lines = admin.get("/api/audit/export?format=ndjson").await.expect(200).text;
    let names: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["resource_name"].clone())
        .collect();
    for title in &titles {
        assert!(names.contains(&json!(title)), "{title}");
    }
}

/// A cell cannot break out of its row.
#[tokio::test]
async fn quotes_commas_and_line_breaks_stay_inside_their_cell() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let description = "<p>a</p>\n=1+1,\"x\"\n@y";
    let event = json!({"title": "a\",\"b", "type": "service", "description": description,
        "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
    admin.post("/api/events", &event).await.expect(201);
    let csv = admin.get("/api/audit/export?format=csv").await.expect(200).text;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> =
        reader.records().map(|record| record.expect("16 cells a row")).collect();
    assert_eq!(
        rows.len(),
        app.whole_audit_log().await.iter().filter(|row| row.org_id == admin.org_id).count()
    );
    assert!(rows.iter().any(|row| &row[9] == "a\",\"b"));
}
