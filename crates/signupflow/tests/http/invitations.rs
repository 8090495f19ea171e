//! Invitations: mailed by admins, accepted once, by the invited address, in time (contract, sections 4 and 9).

use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use serde_json::{Value, json};

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

async fn invite(admin: &Persona<'_>, email: &str, roles: &[&str]) -> String {
    let body = json!({"email": email, "roles": roles});
    admin.post("/api/invitations", &body).await.expect(201).field("id")
}

async fn accept(app: &TestApp, email: &str, token: &str) -> Answer {
    let body =
        json!({"name": "Ivy Invited", "email": email, "password": PASSWORD, "invitation_token": token});
    app.post_from(&fresh_ip(), "/api/auth/signup", &body).await
}

async fn status_of(admin: &Persona<'_>, id: &str) -> Value {
    let list = admin.get("/api/invitations").await.expect(200).json;
    let found = list["items"].as_array().expect("items").iter().find(|item| item["id"] == *id);
    found.expect("it is listed")["status"].clone()
}

#[tokio::test]
async fn an_invited_person_joins_with_the_invited_roles() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let email = fresh_email();
    let body = json!({"email": email, "roles": ["usher", "greeter"]});
    let sent = admin.post("/api/invitations", &body).await.expect(201);
    assert_eq!(
        (&sent.json["status"], &sent.json["roles"]),
        (&json!("pending"), &json!(["greeter", "usher"]))
    );
    assert_eq!((&sent.json["email"], &sent.json["invited_by"]), (&json!(email), &json!(admin.id)));
    let token = app.mailed_token(&email).await;
    assert!(token.len() >= 43, "256 bits: {token}");
    for answer in [&sent, &admin.get("/api/invitations").await, &admin.get("/api/audit/logs").await] {
        assert!(!answer.text.contains(&token), "the token goes by mail only");
    }
    let joined = accept(&app, &email, &token).await.expect(201);
    assert_eq!(
        (&joined.json["user"]["org_id"], &joined.json["user"]["roles"]),
        (&json!(admin.org_id), &json!(["greeter", "usher"]))
    );
    assert_eq!(status_of(&admin, &sent.field("id")).await, "accepted");
    let rows = (app.audit_rows("invitation.sent").await, app.audit_rows("invitation.accepted").await);
    assert_eq!((rows.0.len(), rows.1.len()), (1, 1));
}

/// A54: another address does not get in, and does not use the invitation up.
#[tokio::test]
async fn an_invitation_is_for_the_invited_address_only() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let email = format!("Ivy.{}", fresh_email());
    let id = invite(&admin, &email, &["admin"]).await;
    let token = app.mailed_token(&email).await;
    accept(&app, &fresh_email(), &token).await.expect_problem(403, "invitation_for_other");
    accept(&app, &format!("x{email}"), &token).await.expect_problem(403, "invitation_for_other");
    accept(&app, &email.replace('@', "+tag@"), &token).await.expect_problem(403, "invitation_for_other");
    assert_eq!(status_of(&admin, &id).await, "pending");
    accept(&app, &email.to_uppercase(), &token).await.expect(201);
}

/// A54: used, revoked, expired, foreign and made-up tokens look the same.
#[tokio::test]
async fn a_token_is_good_once_and_in_time() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let used = fresh_email();
    invite(&admin, &used, &["usher"]).await;
    let token = app.mailed_token(&used).await;
    accept(&app, &used, &token).await.expect(201);
    let again = accept(&app, &used, &token).await.expect_problem(400, "token_invalid");

    let revoked = fresh_email();
    let id = invite(&admin, &revoked, &["usher"]).await;
    let token = app.mailed_token(&revoked).await;
    admin.delete(&format!("/api/invitations/{id}")).await.expect(204);
    let withdrawn = accept(&app, &revoked, &token).await.expect_problem(400, "token_invalid");
    admin.delete(&format!("/api/invitations/{id}")).await.expect_problem(404, "not_found");
    assert_eq!(status_of(&admin, &id).await, "revoked");

    let mut details = vec![again.field("detail"), withdrawn.field("detail")];
    for made_up in [
        "",
        "x",
        &"A".repeat(43),
        &admin.token,
        &admin.csrf,
        &format!("{token}A"),
        &token[1..],
        "\u{0}",
        "' OR 1=1--",
    ] {
        let answer = accept(&app, &fresh_email(), made_up).await.expect_problem(400, "token_invalid");
        details.push(answer.field("detail"));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[tokio::test]
async fn an_invitation_ends_after_seven_days_to_the_second() {
    const WEEK: u64 = 7 * 24 * 3600;
    let app = unlimited().await;
    let admin = app.admin().await;
    let (in_time, late) = (fresh_email(), fresh_email());
    invite(&admin, &in_time, &["usher"]).await;
    invite(&admin, &late, &["usher"]).await;
    let tokens = (app.mailed_token(&in_time).await, app.mailed_token(&late).await);
    app.advance(WEEK - 1);
    accept(&app, &in_time, &tokens.0).await.expect(201);
    app.advance(1);
    accept(&app, &late, &tokens.1).await.expect_problem(400, "token_invalid");
    let admin = admin.on_another_device().await;
    invite(&admin, &late, &["usher"]).await;
    let token = app.mailed_token(&late).await;
    accept(&app, &late, &token).await.expect(201);
}

/// A11: sixteen who accept at once are one account, one acceptance and one row each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_acceptances_at_once_make_one_account() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let email = fresh_email();
    invite(&admin, &email, &["usher"]).await;
    let token = app.mailed_token(&email).await;
    let answers = futures_util::future::join_all((0..16).map(|_| accept(&app, &email, &token))).await;
    let mut created = 0;
    for answer in &answers {
        match answer.status.as_u16() {
            201 => created += 1,
            // A full queue of password checks asks to try again.
            503 => assert_eq!(answer.json["code"], "busy"),
            _ => {
                let code = answer.json["code"].as_str().unwrap_or_default();
                assert!(matches!(code, "token_invalid" | "email_taken"), "{}", answer.text);
            }
        }
    }
    assert_eq!(created, 1);
    assert_eq!(admin.get("/api/people").await.expect(200).json["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(app.audit_rows("invitation.accepted").await.len(), 1);
    assert_eq!(app.audit_rows("person.create").await.len(), 2);
}

/// A10: an invitation does not tell which addresses have accounts; the owner of one gets the mail all the same.
#[tokio::test]
async fn inviting_tells_nothing_about_accounts() {
    let app = unlimited().await;
    let (admin, other) = (app.admin().await, app.admin().await);
    let unknown = fresh_email();
    let post = |email: &str| {
        let body = json!({"email": email, "roles": ["usher"]});
        let request = admin.request(reqwest::Method::POST, "/api/invitations").json(&body);
        async move { Answer::of(request.send().await).await.expect(201) }
    };
    let (new, existing) = (post(&unknown).await, post(&other.email).await);
    let fields =
        |answer: &Answer| answer.json.as_object().expect("fields").keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&new), fields(&existing));
    assert_eq!(new.json["status"], existing.json["status"]);
    let token = app.mailed_token(&other.email).await;
    accept(&app, &other.email, &token).await.expect_problem(409, "email_taken");
    assert!(other.is_signed_in().await);
}

#[tokio::test]
async fn who_cannot_be_invited_is_refused() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let other = app.admin().await;
    let email = fresh_email();
    let id = invite(&admin, &email, &["usher"]).await;
    let again = json!({"email": email.to_uppercase(), "roles": ["admin"]});
    admin.post("/api/invitations", &again).await.expect_problem(409, "invitation_open");
    invite(&other, &email, &["usher"]).await;
    admin.delete(&format!("/api/invitations/{id}")).await.expect(204);
    invite(&admin, &email, &["usher"]).await;
    for roles in [json!([]), json!(["Admin"]), json!([""])] {
        let body = json!({"email": fresh_email(), "roles": roles});
        let answer = admin.post("/api/invitations", &body).await.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"]["roles"].is_array());
    }
    let body = json!({"email": fresh_email(), "roles": ["usher"]});
    volunteer.post("/api/invitations", &body).await.expect_problem(403, "forbidden");
    volunteer.get("/api/invitations").await.expect_problem(403, "forbidden");
}

/// Contract, 5: twenty an hour for an organization, however many admins it has.
#[tokio::test]
async fn an_organization_sends_twenty_invitations_an_hour() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..20 {
        invite(&admin, &fresh_email(), &["usher"]).await;
    }
    let one_more = json!({"email": fresh_email(), "roles": ["usher"]});
    let refused = admin.post("/api/invitations", &one_more).await.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    app.admin().await.post("/api/invitations", &one_more).await.expect(201);
    app.advance(3599);
    admin.post("/api/invitations", &one_more).await.expect_problem(429, "rate_limited");
    app.advance(1);
    let admin = Persona { csrf: admin.get("/api/auth/csrf").await.expect(200).field("csrf_token"), ..admin };
    admin.post("/api/invitations", &json!({"email": fresh_email(), "roles": ["usher"]})).await.expect(201);
}
