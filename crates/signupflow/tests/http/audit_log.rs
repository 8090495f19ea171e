//! Section 10 of the contract: each change leaves exactly its own rows, and nobody can take one away.

use std::collections::HashSet;

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use accounts::ports::AuditRow;
use backends::sql::{Engine, Unit};
use reqwest::Method;
use serde_json::{Value, json};

const AGENT: &str = "suite/1.0 (tests)";

/// The audit log, and what of it was looked at already.
struct Trail<'a> {
    app: &'a TestApp,
    seen: HashSet<String>,
}

impl<'a> Trail<'a> {
    async fn of(app: &'a TestApp) -> Self {
        let mut trail = Self { app, seen: HashSet::new() };
        trail.news().await;
        trail
    }

    /// Rows nobody has looked at yet.
    async fn news(&mut self) -> Vec<AuditRow> {
        let mut rows = self.app.whole_audit_log().await;
        rows.retain(|row| self.seen.insert(row.id.clone()));
        rows.sort_by(|a, b| a.action.cmp(&b.action));
        rows
    }

    /// Sends a request that must succeed and leave exactly these actions, each telling who, from where, with
    /// what and in which request. Gives the answer and the first row's changes.
    async fn leaves(
        &mut self,
        actions: &[&str],
        who: &Persona<'_>,
        request: (Method, &str),
        body: Value,
    ) -> (Answer, Value) {
        self.app.advance(3);
        let (method, path) = request;
        let what = format!("{method} {path}");
        let request = who.request(method, path).header("User-Agent", AGENT);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = Answer::of(request.send().await).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text);
        let rows = self.news().await;
        assert_eq!(rows.iter().map(|row| &*row.action).collect::<Vec<_>>(), actions, "{what}");
        for row in &rows {
            assert_eq!((row.org_id.as_str(), row.user_id.as_str()), (&*who.org_id, &*who.id), "{what}");
            assert_eq!(row.user_email, who.email, "{what}");
            assert_eq!(row.ip_address.as_deref(), Some(&*who.ip), "{what}");
            assert_eq!(row.user_agent.as_deref(), Some(AGENT), "{what}");
            assert_eq!(row.request_id.as_deref(), Some(answer.header("x-request-id")), "{what}");
            assert_eq!((row.status.as_str(), row.timestamp), ("success", self.app.now()), "{what}");
        }
        let changes = rows.first().and_then(|row| row.changes.clone()).unwrap_or(Value::Null);
        (answer, changes)
    }
}

fn event(title: &str) -> Value {
    json!({"title": title, "type": "service", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"})
}

#[tokio::test]
async fn each_change_of_events_teams_and_invitations_leaves_exactly_its_own_row() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let mut trail = Trail::of(&app).await;

    let (made, changes) =
        trail.leaves(&["event.create"], &admin, (Method::POST, "/api/events"), event("Beach")).await;
    assert_eq!(changes["created"]["old"], Value::Null);
    assert_eq!(changes["created"]["new"]["title"], "Beach");
    let path = format!("/api/events/{}", made.field("id"));
    let (_, changes) = trail.leaves(&["event.update"], &admin, (Method::PUT, &path), event("River")).await;
    assert_eq!(changes, json!({"title": {"old": "Beach", "new": "River"}}));
    trail.leaves(&[], &admin, (Method::PUT, &path), event("River")).await;
    trail.leaves(&[], &admin, (Method::GET, &path), Value::Null).await;
    let (_, changes) = trail.leaves(&["event.delete"], &admin, (Method::DELETE, &path), Value::Null).await;
    assert_eq!(
        (&changes["deleted"]["old"]["title"], &changes["deleted"]["new"]),
        (&json!("River"), &Value::Null)
    );

    let (made, _) =
        trail.leaves(&["team.create"], &admin, (Method::POST, "/api/teams"), json!({"name": "Crew"})).await;
    let path = format!("/api/teams/{}", made.field("id"));
    let (_, changes) =
        trail.leaves(&["team.update"], &admin, (Method::PUT, &path), json!({"name": "Kitchen"})).await;
    assert_eq!(changes, json!({"name": {"old": "Crew", "new": "Kitchen"}}));
    let members = format!("{path}/members");
    let whom = json!({"person_id": member.id});
    let (_, changes) = trail.leaves(&["team.member_added"], &admin, (Method::POST, &members), whom).await;
    assert_eq!(changes, json!({"member": {"old": null, "new": member.id}}));
    let one = format!("{members}/{}", member.id);
    let (_, changes) =
        trail.leaves(&["team.member_removed"], &admin, (Method::DELETE, &one), Value::Null).await;
    assert_eq!(changes, json!({"member": {"old": member.id, "new": null}}));
    trail.leaves(&["team.delete"], &admin, (Method::DELETE, &path), Value::Null).await;

    let body = json!({"email": fresh_email(), "roles": ["usher"]});
    let (sent, changes) =
        trail.leaves(&["invitation.sent"], &admin, (Method::POST, "/api/invitations"), body).await;
    assert_eq!(changes["created"]["new"]["roles"], json!(["usher"]));
    let path = format!("/api/invitations/{}", sent.field("id"));
    trail.leaves(&["invitation.revoked"], &admin, (Method::DELETE, &path), Value::Null).await;
}

#[tokio::test]
async fn each_change_of_people_and_their_rights_leaves_exactly_its_own_row() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let mut trail = Trail::of(&app).await;
    let person = format!("/api/people/{}", member.id);

    let (_, changes) =
        trail.leaves(&["person.update"], &admin, (Method::PUT, &person), json!({"name": "Vera"})).await;
    assert_eq!(changes, json!({"name": {"old": "Vic Volunteer", "new": "Vera"}}));
    let roles = format!("{person}/roles");
    let (_, changes) = trail
        .leaves(&["person.roles_changed"], &admin, (Method::PUT, &roles), json!({"roles": ["usher"]}))
        .await;
    assert_eq!(changes, json!({"roles": {"old": ["volunteer"], "new": ["usher"]}}));
    let lock = format!("{person}/lock");
    let (_, changes) = trail.leaves(&["person.locked"], &admin, (Method::POST, &lock), Value::Null).await;
    assert_eq!(changes, json!({"status": {"old": "active", "new": "locked"}}));
    trail.leaves(&[], &admin, (Method::POST, &lock), Value::Null).await;
    let unlock = format!("{person}/unlock");
    trail.leaves(&["person.unlocked"], &admin, (Method::POST, &unlock), Value::Null).await;
    trail.leaves(&[], &admin, (Method::POST, &unlock), Value::Null).await;
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &member.email, "not it").await.expect(401);
    }
    trail.news().await;
    trail.leaves(&["auth.account_unlocked"], &admin, (Method::POST, &unlock), Value::Null).await;
    trail.leaves(&[], &admin, (Method::POST, &unlock), Value::Null).await;
    let sessions = format!("{person}/sessions");
    trail.leaves(&["auth.session_revoked"], &admin, (Method::DELETE, &sessions), Value::Null).await;
    let (_, changes) = trail.leaves(&["person.delete"], &admin, (Method::DELETE, &person), Value::Null).await;
    assert_eq!(changes["deleted"]["old"]["name"], "Vera");
    let own = format!("/api/organizations/{}", admin.org_id);
    let (_, changes) =
        trail.leaves(&["organization.update"], &admin, (Method::PUT, &own), json!({"region": "Coast"})).await;
    assert_eq!(changes, json!({"region": {"old": null, "new": "Coast"}}));
    trail.leaves(&["audit.read"], &admin, (Method::GET, "/api/audit/logs"), Value::Null).await;
    trail.leaves(&["audit.exported"], &admin, (Method::GET, "/api/audit/export"), Value::Null).await;
    trail
        .leaves(&["organization.delete", "person.delete"], &admin, (Method::DELETE, &own), Value::Null)
        .await;
}

#[tokio::test]
async fn signing_up_in_and_out_leaves_its_rows_without_secrets() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let phone = admin.on_another_device().await;
    let mut trail = Trail::of(&app).await;

    let fresh = json!({"password": PASSWORD});
    trail.leaves(&["auth.reauthenticated"], &admin, (Method::POST, "/api/auth/reauthenticate"), fresh).await;
    let path = format!("/api/sessions/{}", phone.session_id);
    trail.leaves(&["auth.session_revoked"], &admin, (Method::DELETE, &path), Value::Null).await;
    let change = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let done = Answer::of(admin.request(Method::PUT, "/api/auth/password").json(&change).send().await)
        .await
        .expect(200);
    let rows = trail.news().await;
    let changed = rows.iter().find(|row| row.action == "auth.password_changed").expect("the row");
    let redacted = json!({"password": {"old": "[REDACTED]", "new": "[REDACTED]"}});
    assert_eq!(changed.changes, Some(redacted));
    let admin = Persona {
        token: done.field("token"),
        csrf: done.field("csrf_token"),
        password: OTHER_PASSWORD.into(),
        ..admin
    };
    trail.leaves(&["auth.logout"], &admin, (Method::POST, "/api/auth/logout"), Value::Null).await;

    let body = json!({"name": "Bo", "email": fresh_email(), "password": PASSWORD, "org_name": "Others"});
    app.post_from(&fresh_ip(), "/api/auth/signup", &body).await.expect(201);
    let actions: Vec<String> = trail.news().await.into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["auth.login", "organization.create", "person.create"]);
    app.login_from(&fresh_ip(), &admin.email, OTHER_PASSWORD).await.expect(200);
    let rows = trail.news().await;
    assert_eq!(rows.iter().map(|row| &*row.action).collect::<Vec<_>>(), ["auth.login"]);
    let everything = format!("{:?}", app.whole_audit_log().await);
    for secret in [PASSWORD, OTHER_PASSWORD, &*admin.token, &*admin.csrf, &*admin.device_token, "$argon2"] {
        assert!(!everything.contains(secret), "{secret} is in the audit log");
    }
}

/// A failure belongs to the account it was meant for; where there is none, to nobody.
#[tokio::test]
async fn a_failed_sign_in_belongs_to_its_account_or_to_nobody() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let ip = fresh_ip();
    app.login_from(&ip, &admin.email.to_uppercase(), "wrong").await.expect(401);
    app.login_from(&ip, "nobody@example.net", "wrong").await.expect(401);
    let rows = app.audit_rows("auth.login_failed").await;
    let of = |person: &str| rows.iter().find(|row| row.user_id == person).expect("a row").clone();
    let (known, unknown) = (of(&admin.id), of("person_anonymous"));
    assert_eq!((known.org_id.as_str(), known.user_email.as_str()), (&*admin.org_id, &*admin.email));
    assert_eq!((unknown.org_id.as_str(), unknown.user_email.as_str()), ("org_system", "nobody@example.net"));
    for row in [&known, &unknown] {
        assert_eq!((row.status.as_str(), row.ip_address.as_deref()), ("failure", Some(&*ip)));
        assert!(row.error_message.is_some() && row.changes.is_none());
    }
    assert_eq!(rows.len(), 2);
}

/// An address that is blocked is nobody's account: whoever was guessed last has nothing to do with it.
#[tokio::test]
async fn a_blocked_address_is_no_lock_of_the_account_guessed_last() {
    let app = TestApp::start().await;
    let (ip, other) = (fresh_ip(), app.admin().await);
    for number in 0..19 {
        app.login_from(&ip, &format!("nobody-{number}@example.net"), "wrong").await.expect(401);
    }
    app.login_from(&ip, &other.email, "wrong").await.expect(401);
    app.login_from(&ip, &other.email, PASSWORD).await.expect(429);
    let rows = app.audit_rows("auth.account_locked").await;
    let [row] = rows.as_slice() else { panic!("one row, not {rows:?}") };
    assert_eq!((&*row.org_id, &*row.user_id, &*row.user_email), ("org_system", "person_anonymous", ""));
    assert_eq!((&*row.resource_type, &*row.resource_id), ("rate_limit", "rate_limit:{ip}:/api/auth/login"));
    assert_eq!((row.resource_name.as_deref(), row.ip_address.as_deref()), (Some(&*ip), Some(&*ip)));
    let own = other.get("/api/audit/logs?action=auth.account_locked").await.expect(200).json;
    assert_eq!(own["total"], 0, "{own}");
}

#[tokio::test]
async fn refused_rights_and_tokens_are_on_record_once_a_minute() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    for _ in 0..3 {
        volunteer.get("/api/audit/logs").await.expect_problem(403, "forbidden");
        let bare = app.request_from(&admin.ip, Method::POST, "/api/events").bearer_auth(&admin.token);
        Answer::of(bare.json(&event("Beach")).send().await).await.expect_problem(403, "csrf_missing");
    }
    let denied = app.audit_rows("auth.access_denied").await;
    assert_eq!((denied.len(), denied[0].user_id.as_str()), (1, &*volunteer.id));
    let rejected = app.audit_rows("auth.csrf_rejected").await;
    assert_eq!((rejected.len(), rejected[0].user_id.as_str()), (1, &*admin.id));
    assert!(denied.iter().chain(&rejected).all(|row| row.status == "failure"));
    app.advance(61);
    volunteer.get("/api/audit/logs").await.expect(403);
    assert_eq!(app.audit_rows("auth.access_denied").await.len(), 2);
}

/// Not the application but the database itself refuses to change what happened.
#[tokio::test]
async fn the_database_refuses_to_change_the_past() {
    let app = TestApp::start().await;
    app.admin().await;
    let before = app.whole_audit_log().await;
    let mut attempts = vec![
        "UPDATE audit_logs SET action = 'auth.nothing'",
        "UPDATE audit_logs SET user_agent = user_agent",
        "DELETE FROM audit_logs",
        "DELETE FROM audit_logs WHERE action = 'auth.login'",
    ];
    attempts.extend(match app.assembly.database.engine() {
        Engine::Sqlite => [
            "REPLACE INTO audit_logs SELECT * FROM audit_logs",
            "REPLACE INTO audit_logs (rowid, id, timestamp, org_id, user_id, user_email, user_roles, action, \
             resource_type, resource_id, status, canonical, leaf_hash) SELECT rowid, 'audit_' || rowid, timestamp, \
             org_id, user_id, user_email, user_roles, 'auth.nothing', resource_type, resource_id, status, canonical, \
             leaf_hash FROM audit_logs",
        ],
        Engine::Postgres => ["TRUNCATE audit_logs", "TRUNCATE audit_logs, audit_erasures"],
    });
    for attempt in attempts {
        let mut unit = Unit::housekeeping("an attack");
        unit.run(attempt, Vec::new());
        assert!(app.assembly.database.commit(unit).await.is_err(), "{attempt}");
    }
    assert_eq!(app.whole_audit_log().await, before);
}
