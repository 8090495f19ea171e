//! A42, A43: one account per mailbox however its address is written, and one address per field.

use crate::support::{PASSWORD, TestApp, fresh_ip};
use serde_json::{Value, json};

fn signup(email: &str) -> Value {
    json!({"name": "Ada", "email": email, "password": PASSWORD, "org_name": "Helping Hands"})
}

/// The Kelvin sign, full-width letters, long s, sharp s, capitals, other forms of the same text.
#[tokio::test]
async fn look_alike_spellings_are_the_same_account() {
    let app = TestApp::start().await;
    let pairs = [
        ("kelvin@example.com", "\u{212a}elvin@example.com"),
        ("kelvin2@example.com", "KELVIN2@EXAMPLE.COM"),
        ("wide@example.com", "\u{ff57}\u{ff49}de@example.com"),
        ("mississippi@example.com", "mi\u{17f}si\u{17f}sippi@example.com"),
        ("strasse@example.com", "stra\u{df}e@example.com"),
        ("zo\u{eb}@example.com", "zoe\u{308}@example.com"),
        ("idn@b\u{fc}cher.example", "idn@XN--BCHER-KVA.example"),
    ];
    for (stored, variant) in pairs {
        app.post_from(&fresh_ip(), "/api/auth/signup", &signup(stored)).await.expect(201);
        let taken = app.post_from(&fresh_ip(), "/api/auth/signup", &signup(variant)).await;
        taken.expect_problem(409, "email_taken");
        let signed_in = app.login_from(&fresh_ip(), variant, PASSWORD).await.expect(200);
        assert_eq!(signed_in.json["user"]["email"], stored, "what was stored, not what was typed");
    }
}

/// Dotless and dotted i, and letters of other scripts, are other mailboxes.
#[tokio::test]
async fn different_mailboxes_stay_different() {
    let app = TestApp::start().await;
    for email in ["irma@example.com", "\u{131}rma@example.com", "\u{430}da@example.com", "ada@example.com"] {
        app.post_from(&fresh_ip(), "/api/auth/signup", &signup(email)).await.expect(201);
    }
    app.login_from(&fresh_ip(), "\u{456}rma@example.com", PASSWORD).await.expect(401);
}

/// Spellings share one budget of failures, and the mail goes to the stored address.
#[tokio::test]
async fn spellings_share_a_lock_and_mail_goes_to_the_stored_address() {
    let app = TestApp::start().await;
    app.post_from(&fresh_ip(), "/api/auth/signup", &signup("kelvin@example.com")).await.expect(201);
    let spellings = [
        "\u{212a}elvin@example.com",
        "KELVIN@example.com",
        "\u{ff4b}elvin@example.com",
        " kelvin@EXAMPLE.com ",
        "kelvin@example.com",
    ];
    for spelling in spellings {
        app.login_from(&fresh_ip(), spelling, "wrong").await.expect_problem(401, "invalid_credentials");
    }
    let locked = app.login_from(&fresh_ip(), "kelvin@example.com", PASSWORD).await;
    locked.expect_problem(429, "account_locked");
    let mails = app.mails_to("kelvin@example.com").await;
    assert_eq!(mails.len(), 1, "one mail about the lock");
    let recipients = mails[0].lines().filter(|line| line.to_lowercase().starts_with("to:")).count();
    assert_eq!(recipients, 1);
    assert!(!mails[0].to_lowercase().contains("\ncc:") && !mails[0].to_lowercase().contains("\nbcc:"));
}

#[tokio::test]
async fn one_field_holds_one_address() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let before = std::fs::read_dir(app.outbox_dir()).map_or(0, Iterator::count);
    let many = [
        json!("a@x.example,b@y.example"),
        json!("a@x.example;b@y.example"),
        json!("a@x.example b@y.example"),
        json!("a@x.example\ncc: b@y.example"),
        json!("a@x.example\r\nBcc: b@y.example"),
        json!("a@x.example%0acc:b@y.example"),
        json!("a@x.example\u{0}b@y.example"),
        json!("Ada <a@x.example>"),
        json!("<a@x.example>"),
        json!("a@x.example (b@y.example)"),
        json!("\"a b\"@x.example"),
        json!("\"a@y.example,\"@x.example"),
        json!("a%b@y.example@x.example"),
        json!("a@b@x.example"),
        json!("@y.example:a@x.example"),
        json!("a@[127.0.0.1]"),
        json!("a@x.example\u{ff0c}b@y.example"),
        json!("a\u{ff20}y.example@x.example"),
        json!("a@x.example\u{2028}b@y.example"),
        json!(["a@x.example", "b@y.example"]),
        json!({"0": "a@x.example"}),
        json!(""),
        json!("a@"),
        json!("@x.example"),
    ];
    for email in many {
        let mut body = signup("");
        body["email"] = email.clone();
        let refused = app.post_from(&fresh_ip(), "/api/auth/signup", &body).await;
        let refused = refused.expect_problem(422, "invalid_input");
        assert!(refused.json["errors"]["email"].is_array(), "{email}: {}", refused.text);
        let invitation = json!({"email": email, "roles": ["usher"]});
        let refused = admin.post("/api/invitations", &invitation).await;
        if refused.status == 429 {
            app.advance(3_700);
        } else {
            refused.expect_problem(422, "invalid_input");
        }
    }
    app.mails_to("b@y.example").await;
    assert_eq!(std::fs::read_dir(app.outbox_dir()).map_or(0, Iterator::count), before, "no mail went out");
}
