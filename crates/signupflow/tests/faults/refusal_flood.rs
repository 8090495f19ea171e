//! Many refusals at once, and what the audit log says of them.

use accounts::ports::AuditRow;
use accounts::refusal_record::{Which, write_down};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::{PASSWORD, TestApp, fresh_email, fresh_ip};
use crate::tools::*;

/// Each address may ask once a minute.
const NARROW: &str = r#"
[[rule]]
route = "/api/*"
limit = 1
window = "1m"
per = "ip"
count = "requests"
"#;
/// More than the log takes one by one.
const ADDRESSES: usize = 700;
const REFUSED_EACH: usize = 3;

/// How many refusals a row tells of.
fn told(changes: Option<&Value>) -> usize {
    let repeated = changes.map_or(&Value::Null, |changes| &changes["repeated"]["new"]);
    repeated.as_u64().map_or(1, |count| usize::try_from(count).expect("a small number"))
}

fn sum(rows: &[AuditRow]) -> usize {
    rows.iter().map(|row| told(row.changes.as_ref())).sum()
}

/// F38: however many requests are refused, from however many addresses, the rows of the audit log stay few, and what
/// they tell of adds up to every one that was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_is_counted_in_few_rows() {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(rules.path(), NARROW).expect("it can be written");
    let path = rules.path().display().to_string();
    let app = TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "10"), ("RATE_LIMIT_RULES_FILE", &path)]).await;
    let person = app.admin().await;
    let mut refused = 0;
    for number in 0..200 {
        let answer = person.get("/api/people/me").await;
        if number < 10 {
            answer.expect(200);
        } else {
            answer.expect_problem(429, "rate_limited");
            refused += 1;
        }
    }
    for _ in 0..ADDRESSES {
        let ip = fresh_ip();
        for number in 0..=REFUSED_EACH {
            let answer =
                app.request_from(&ip, Method::GET, "/api/auth/csrf").send().await.expect("it answers");
            assert_eq!(answer.status(), if number == 0 { 401 } else { 429 });
        }
        refused += REFUSED_EACH;
    }
    let rows = app.audit_rows("auth.rate_limited").await;
    assert!(rows.len() <= 600, "{}", rows.len());
    write_down(&app.assembly.services, Which::Over).await.expect("the log works");
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), rows.len(), "the window is not over");
    app.advance(60);
    write_down(&app.assembly.services, Which::Over).await.expect("the log works");
    let rows = app.audit_rows("auth.rate_limited").await;
    assert_eq!(sum(&rows), refused);
    assert!(rows.len() < 1400, "{}", rows.len());
    let of_person: Vec<_> = rows.into_iter().filter(|row| row.user_id == person.id).collect();
    assert_eq!((of_person.len(), sum(&of_person)), (2, 190));
    assert_eq!((&*of_person[1].user_email, of_person[1].ip_address.as_deref()), ("", None), "ids only");
}

/// F38: a server that stops writes down what it has counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_forgets_no_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Binary::start(folder.path(), &[]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    for _ in 0..5 {
        guess(&server, &who.email, "wrong").await.expect(401);
    }
    for _ in 0..20 {
        guess(&server, &who.email, PASSWORD).await.expect_problem(429, "account_locked");
    }
    server.program.terminate();
    assert!(server.program.wait_for_exit(LONGEST_STOP).await.success());
    let server = Binary::start(folder.path(), &[]).await;
    let path = "/api/audit/logs?limit=1000&action=auth.rate_limited";
    let page = server.signed(&who, Method::GET, path, &json!(null)).await.expect("it lives").expect(200);
    let rows = page.json["logs"].as_array().expect("rows").clone();
    let counts: Vec<_> = rows.iter().map(|row| told(Some(&row["changes"]))).collect();
    assert_eq!(counts.iter().sum::<usize>(), 20, "{rows:?}");
    assert_eq!(counts.len(), 2);
}
