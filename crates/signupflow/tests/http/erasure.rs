//! `DELETE /api/people/{id}?erase=true`: the audit log forgets the person, in lists and exports, and keeps who
//! did what when (contract, sections 9 and 10).

use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_ip};
use accounts::ports::AuditRow;
use reqwest::Method;
use serde_json::{Value, json};

const AGENT: &str = "Volunteer-Phone/7.1";

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

fn erase(who: &Persona<'_>) -> String {
    format!("/api/people/{}?erase=true", who.id)
}

/// What somebody leaves behind: acts of their own, acts of an admin on them, mistyped passwords.
async fn lived<'a>(app: &'a TestApp, admin: &Persona<'a>) -> Persona<'a> {
    let mut person = app.volunteer(admin).await;
    "203.0.113.77".clone_into(&mut person.ip);
    let update = person.request(Method::PUT, &format!("/api/people/{}", person.id));
    let update = update.header("User-Agent", AGENT).json(&json!({"name": "Wilhelmina Erstwhile"}));
    Answer::of(update.send().await).await.expect(200);
    person.post("/api/teams", &json!({"name": "x"})).await.expect_problem(403, "forbidden");
    app.login_from(&person.ip, &person.email, "not it").await.expect(401);
    app.login_from(&person.ip, &person.email, PASSWORD).await.expect(200);
    admin.put(&format!("/api/people/{}/roles", person.id), &json!({"roles": ["usher"]})).await.expect(200);
    person
}

fn traces(person: &Persona<'_>) -> [String; 5] {
    [person.email.clone(), person.ip.clone(), AGENT.into(), "Wilhelmina".into(), "Vic Volunteer".into()]
}

#[track_caller]
fn expect_no_trace(text: &str, person: &Persona<'_>) {
    for trace in traces(person) {
        let found = text.find(&trace).map(|at| &text[at.saturating_sub(200)..(at + 40).min(text.len())]);
        assert!(found.is_none(), "{trace} is left: {found:?}");
    }
}

/// The columns that never change.
fn kept(rows: &[AuditRow]) -> Vec<(String, String, String, String, String, String)> {
    let of = |row: &AuditRow| {
        let row = row.clone();
        (row.id, row.user_id, row.action, row.resource_type, row.resource_id, row.status)
    };
    let mut kept: Vec<_> = rows.iter().map(of).collect();
    kept.sort();
    kept
}

#[tokio::test]
async fn lists_and_exports_show_erased_rows_without_the_person() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let person = lived(&app, &admin).await;
    let before = app.whole_audit_log().await;
    for trace in traces(&person) {
        assert!(format!("{before:?}").contains(&trace), "{trace} was there");
    }
    app.advance(1);
    admin.delete(&erase(&person)).await.expect(204);
    let after = app.whole_audit_log().await;
    assert_eq!((after.len(), &kept(&after)[..before.len()]), (before.len() + 1, &kept(&before)[..]));
    expect_no_trace(&format!("{after:?}"), &person);

    let list = admin.get(&format!("/api/audit/logs?limit=1000&user_id={}", person.id)).await.expect(200);
    expect_no_trace(&list.text, &person);
    let logs = list.json["logs"].as_array().expect("rows");
    assert!(logs.len() >= 6 && logs.iter().all(|row| row["user_email"] == "[ERASED]"), "{}", list.text);
    assert!(logs.iter().all(|row| row["ip_address"] == "[ERASED]"));
    let to_them = format!("/api/audit/logs?resource_type=person&resource_id={}", person.id);
    let list = admin.get(&to_them).await.expect(200);
    let roles = of_action(&list.json["logs"], "person.roles_changed");
    assert_eq!(roles["changes"], json!({"erased": {"old": "[ERASED]", "new": "[ERASED]"}}));
    assert_eq!((&roles["user_email"], &roles["resource_name"]), (&json!(admin.email), &json!("[ERASED]")));

    let csv = admin.get("/api/audit/export?format=csv").await.expect(200).text;
    expect_no_trace(&csv, &person);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    let column = |name: &str| names.iter().position(|column| column == name).expect("a column");
    let (id, email, changes) = (column("user_id"), column("user_email"), column("changes"));
    let cells: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("a record")).collect();
    assert!(cells.iter().filter(|cell| cell[id] == *person.id).all(|cell| &cell[email] == "[ERASED]"));
    assert!(cells.iter().any(|cell| &cell[changes] == r#"{"erased":{"new":"[ERASED]","old":"[ERASED]"}}"#));
    for format in ["json", "ndjson"] {
        let export = admin.get(&format!("/api/audit/export?format={format}")).await.expect(200);
        expect_no_trace(&export.text, &person);
    }
}

fn of_action<'v>(logs: &'v Value, action: &str) -> &'v Value {
    logs.as_array().expect("rows").iter().find(|row| row["action"] == action).expect("the row")
}

/// The event says so, and holds nothing it would have to erase.
#[tokio::test]
async fn the_deletion_says_that_the_log_was_erased() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let person = lived(&app, &admin).await;
    admin.delete(&erase(&person)).await.expect(204);
    let rows = app.audit_rows("person.delete").await;
    assert_eq!((rows.len(), &*rows[0].resource_id, &*rows[0].user_email), (1, &*person.id, &*admin.email));
    let old = json!({"audit_log": "[ERASED]", "email": "[ERASED]", "name": "[ERASED]"});
    assert_eq!(rows[0].changes, Some(json!({"deleted": {"old": old, "new": null}})));
    assert_eq!(rows[0].resource_name, None);
}

/// As deleting: signed out, gone from lists, address free again, and what was sent to them is nobody's.
#[tokio::test]
async fn an_erased_person_is_deleted_in_every_other_way() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let person = lived(&app, &admin).await;
    let open = json!({"email": person.email, "roles": ["usher"]});
    admin.post("/api/invitations", &open).await.expect(201);
    let back = person.on_another_device().await;
    admin.delete(&erase(&person)).await.expect(204);
    back.get("/api/people/me").await.expect(401);
    admin.get(&format!("/api/people/{}", person.id)).await.expect_problem(404, "not_found");
    app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    let invitations = admin.get("/api/invitations").await.expect(200);
    expect_no_trace(&invitations.text, &person);
    let items = invitations.json["items"].as_array().expect("items");
    let mut statuses: Vec<&str> = items.iter().filter_map(|item| item["status"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["accepted", "revoked"]);
    app.advance(1);
    admin.post("/api/invitations", &open).await.expect(201);
    let body = json!({"name": "Somebody New", "email": person.email, "password": PASSWORD,
        "invitation_token": app.mailed_token(&person.email).await});
    let anew = Persona::signed_up(&app, &person.email, body).await;
    assert_ne!(anew.id, person.id);
}

#[tokio::test]
async fn somebody_deleted_is_erased_later_and_once() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let person = lived(&app, &admin).await;
    admin.delete(&format!("/api/people/{}?erase=false", person.id)).await.expect(204);
    assert!(format!("{:?}", app.whole_audit_log().await).contains(&person.email), "deleting alone keeps it");
    admin.delete(&erase(&person)).await.expect(204);
    expect_no_trace(&format!("{:?}", app.whole_audit_log().await), &person);
    assert_eq!(app.audit_rows("person.delete").await.len(), 2);
    admin.delete(&erase(&person)).await.expect(204);
    assert_eq!(app.audit_rows("person.delete").await.len(), 2, "no row without its change");
    admin.delete(&format!("/api/people/{}", person.id)).await.expect_problem(404, "not_found");
}

/// An admin who erases themselves leaves no address in the event either.
#[tokio::test]
async fn admins_can_erase_themselves_while_another_is_left() {
    let app = unlimited().await;
    let admin = app.admin().await;
    admin.delete(&erase(&admin)).await.expect_problem(409, "last_admin");
    app.invited(&admin, &["admin"]).await;
    let leaving = app.invited(&admin, &["admin"]).await;
    leaving.delete(&erase(&leaving)).await.expect(204);
    assert!(!leaving.is_signed_in().await);
    let log = format!("{:?}", app.whole_audit_log().await);
    assert!(!log.contains(&leaving.email) && !log.contains(&format!("\"{}\"", leaving.ip)));
    assert_eq!(app.audit_rows("person.delete").await[0].user_id, leaving.id, "who did it stays");
}

#[tokio::test]
async fn only_fresh_admins_of_the_same_organization_erase() {
    let app = unlimited().await;
    let (admin, stranger) = (app.admin().await, app.admin().await);
    let person = lived(&app, &admin).await.on_another_device().await;
    let deleted = app.volunteer(&admin).await;
    admin.delete(&format!("/api/people/{}", deleted.id)).await.expect(204);
    let before = app.whole_audit_log().await;
    for target in [&person, &deleted] {
        stranger.delete(&erase(target)).await.expect_problem(404, "not_found");
    }
    admin.delete("/api/people/person_nobody?erase=true").await.expect_problem(404, "not_found");
    for reserved in ["/api/people/person_anonymous?erase=true", "/api/people/x%00y?erase=true"] {
        admin.delete(reserved).await.expect_problem(404, "not_found");
    }
    assert_eq!(app.whole_audit_log().await, before);
    person.delete(&erase(&person)).await.expect_problem(403, "forbidden");
    admin
        .delete(&format!("/api/people/{}?erase=perhaps", person.id))
        .await
        .expect_problem(422, "invalid_input");
    app.advance(601);
    for target in [&person, &deleted] {
        admin.delete(&erase(target)).await.expect_problem(401, "step_up_required");
    }
    assert!(format!("{:?}", app.whole_audit_log().await).contains(&person.email));
}
