//! The pages behind mailed links, and the one that asks for such a mail: plain forms that POST (contract, section 7).

use crate::password_reset::{confirm, link};
use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::json;

/// Sends a form as a browser does from our own page.
async fn send(app: &TestApp, page: &str, fields: &[(&str, &str)]) -> Answer {
    send_from(app, &fresh_ip(), page, fields).await
}

async fn send_from(app: &TestApp, ip: &str, page: &str, fields: &[(&str, &str)]) -> Answer {
    let request = app.request_from(ip, Method::POST, page).header("Sec-Fetch-Site", "same-origin");
    looks_like_a_page(Answer::of(request.form(fields).send().await).await)
}

/// Whatever is answered is a page without scripts, is kept by nobody, and tells no other site where one was.
#[track_caller]
fn looks_like_a_page(answer: Answer) -> Answer {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    for banned in ["<script", "style=", "onclick", "javascript:", "<style", "http://", "https://"] {
        assert!(!answer.text.contains(banned), "{banned} in {}", answer.text);
    }
    for wanted in ["<html lang=\"en\">", "name=\"viewport\"", "<h1>", "</html>"] {
        assert!(answer.text.contains(wanted), "no {wanted} in {}", answer.text);
    }
    for field in answer.text.split("<input ").skip(1).filter(|field| !field.contains("type=\"hidden\"")) {
        let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        assert!(answer.text.contains(&format!("<label for=\"{id}\">")), "{id} has no label");
        assert!(field.contains("autocomplete="), "{field}");
    }
    answer
}

async fn open(app: &TestApp, target: &str) -> Answer {
    looks_like_a_page(app.get(target).await)
}

/// Not the form again, but that the link leads nowhere.
#[track_caller]
fn expect_dead_link(answer: Answer) {
    let answer = answer.expect(400);
    assert!(
        answer.text.contains("This link does not work") && !answer.text.contains("<form"),
        "{}",
        answer.text
    );
}

async fn invited(app: &TestApp) -> (Persona<'_>, String, String) {
    let admin = app.admin().await;
    let email = fresh_email();
    admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
    let token = app.mailed_token(&email).await;
    (admin, email, token)
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_pages_alone() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let page = open(&app, "/forgot-password").await.expect(200);
    assert!(page.text.contains("<form method=\"post\" action=\"/forgot-password\""), "{}", page.text);
    let known = send(&app, "/forgot-password", &[("email", &owner.email)]).await.expect(200);
    let unknown = send(&app, "/forgot-password", &[("email", &fresh_email())]).await.expect(200);
    assert_eq!(known.text, unknown.text);
    let token = app.mailed_token(&owner.email).await;
    let form = open(&app, &format!("/reset-password?token={token}")).await.expect(200);
    assert!(form.text.contains("p***@example.com") && !form.text.contains(&owner.email), "{}", form.text);
    assert!(form.text.contains("autocomplete=\"new-password\""));
    let done = send(&app, "/reset-password", &[("token", &token), ("new_password", OTHER_PASSWORD)]).await;
    assert!(done.expect(200).text.contains("Your password was changed"));
    app.login_from(&fresh_ip(), &owner.email, OTHER_PASSWORD).await.expect(200);
    expect_dead_link(send(&app, "/reset-password", &[("token", &token), ("new_password", PASSWORD)]).await);
    expect_dead_link(open(&app, &format!("/reset-password?token={token}")).await);
}

/// A sentence, and what was typed is still there; the password is not.
#[tokio::test]
async fn what_is_wrong_is_said_on_the_page() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let wrong = send(&app, "/forgot-password", &[("email", "\"><b>nobody")]).await.expect(422);
    assert!(
        wrong.text.contains("role=\"alert\"") && wrong.text.contains("one plain e-mail address"),
        "{}",
        wrong.text
    );
    assert!(wrong.text.contains("value=\"&#34;&#62;&#60;b&#62;nobody\""), "{}", wrong.text);
    assert!(wrong.text.contains("aria-invalid=\"true\" aria-describedby=\"email-fault\""));
    let token = link(&app, &owner.email).await;
    let weak = [("token", &*token), ("new_password", "tooshort")];
    let wrong = send(&app, "/reset-password", &weak).await.expect(422);
    assert!(
        wrong.text.contains("at least 15 characters") && !wrong.text.contains("tooshort"),
        "{}",
        wrong.text
    );
    assert!(wrong.text.contains(&token), "the form can be sent again");
    for fields in [
        vec![],
        vec![("token", &*token)],
        vec![("new_password", PASSWORD)],
        vec![("token", "x"), ("new_password", PASSWORD), ("more", "x")],
    ] {
        let refused = send(&app, "/reset-password", &fields).await;
        assert!(
            refused.status.is_client_error() && refused.text.contains("does not work"),
            "{}",
            refused.text
        );
    }
    let ip = fresh_ip();
    for _ in 0..10 {
        send_from(&app, &ip, "/forgot-password", &[("email", &fresh_email())]).await.expect(200);
    }
    let limited = send_from(&app, &ip, "/forgot-password", &[("email", "ann@example.com")]).await.expect(429);
    assert!(limited.text.contains("Too many requests") && limited.text.contains("value=\"ann@example.com\""));
    assert_eq!(limited.header("retry-after"), "3600");
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_invitation_is_accepted_on_its_page() {
    let app = TestApp::start().await;
    let (admin, email, token) = invited(&app).await;
    for method in [Method::GET, Method::HEAD] {
        Answer::of(app.request(method, &format!("/invitation?token={token}")).send().await).await.expect(200);
    }
    let page = open(&app, &format!("/invitation?token={token}")).await.expect(200);
    assert!(page.text.contains("Join Helping Hands") && !page.text.contains(&email), "{}", page.text);
    let form = |email: &str, password: &str| {
        [
            ("token", token.clone()),
            ("name", "Ivy <b>".to_owned()),
            ("email", email.to_owned()),
            ("password", password.to_owned()),
        ]
    };
    let send_it = async |fields: [(&str, String); 4]| {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        send(&app, "/invitation", &fields).await
    };
    let other = send_it(form(&fresh_email(), PASSWORD)).await.expect(403);
    assert!(other.text.contains("This invitation is for another e-mail address"), "{}", other.text);
    let weak = send_it(form(&email, "tooshort")).await.expect(422);
    assert!(weak.text.contains("at least 15 characters") && !weak.text.contains("tooshort"), "{}", weak.text);
    assert!(
        weak.text.contains("value=\"Ivy &#60;b&#62;\"") && weak.text.contains(&format!("value=\"{email}\""))
    );
    let joined = send_it(form(&email, PASSWORD)).await.expect(200);
    assert!(joined.text.contains("Welcome"), "{}", joined.text);
    let cookies: Vec<&str> =
        joined.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text")).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("device=")), "{cookies:?}");
    let session = cookies.iter().find(|cookie| cookie.starts_with("session=")).expect("a session");
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{session}");
    let pair = session.split(';').next().expect("a pair");
    let bearer = pair.trim_start_matches("session=");
    let me = app.request(Method::GET, "/api/people/me").bearer_auth(bearer);
    let me = Answer::of(me.send().await).await.expect(200);
    assert_eq!((&me.json["org_id"], &me.json["roles"]), (&json!(admin.org_id), &json!(["usher"])));
    let as_cookie = app.request(Method::GET, "/api/people/me").header(COOKIE, pair);
    Answer::of(as_cookie.send().await).await.expect_problem(401, "unauthenticated");
    expect_dead_link(send_it(form(&email, PASSWORD)).await);
    expect_dead_link(open(&app, &format!("/invitation?token={token}")).await);
}

/// Used, foreign and made-up links look the same, on every page; so does one that was not copied at all.
#[tokio::test]
async fn dead_links_look_the_same() {
    let app = TestApp::start().await;
    let (admin, _, invitation) = invited(&app).await;
    let reset = link(&app, &admin.email).await;
    let mut texts = Vec::new();
    let pages = [
        ("/reset-password", &invitation),
        ("/invitation", &reset),
        ("/unlock", &reset),
        ("/not-me", &invitation),
    ];
    for (page, foreign) in pages {
        for query in [
            "",
            "?token=",
            "?token=x",
            "?tokn=x",
            "?token=x&token=x",
            "?token=%zz",
            &format!("?token={foreign}"),
        ] {
            let dead = open(&app, &format!("{page}{query}")).await.expect(400);
            assert!(!dead.text.contains("<form"), "{}", dead.text);
            texts.push(
                dead.text.replace("/forgot-password", "/").replace("Ask for a new link", "Back to the start"),
            );
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

/// Opening one shows the form and spends nothing; its button does, and from then on it is dead as any other.
#[tokio::test]
async fn links_that_unlock_and_lock_are_opened_before_they_are_used() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let stranger = fresh_ip();
    for _ in 0..5 {
        app.login_from(&stranger, &admin.email, "wrong").await.expect(401);
    }
    let unlock = app.mailed_token(&admin.email).await;
    app.advance(15 * 60);
    admin.on_another_device().await;
    let mails = app.all_mails_to(&admin.email).await;
    let rest = mails.last().and_then(|mail| mail.split("/not-me?token=").nth(1)).expect("a link");
    let not_me: String = rest.chars().take(43).collect();
    for (page, token) in [("/unlock", &unlock), ("/not-me", &not_me)] {
        let target = format!("{page}?token={token}");
        for _ in 0..2 {
            let form = open(&app, &target).await.expect(200);
            assert!(form.text.contains(&format!("action=\"{page}\"")), "{}", form.text);
        }
        send(&app, page, &[("token", token)]).await.expect(200);
        expect_dead_link(open(&app, &target).await);
        expect_dead_link(send(&app, page, &[("token", token)]).await);
    }
}

/// A session that a browser brings along changes nothing: the pages take none, so they need no CSRF token either; other
/// sites are refused as everywhere.
#[tokio::test]
async fn pages_of_mailed_links_take_no_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let cookie = format!("session={}", admin.token);
    let asked = app.request(Method::POST, "/forgot-password").header(COOKIE, &cookie);
    Answer::of(asked.form(&[("email", &admin.email)]).send().await).await.expect(200);
    for page in ["/forgot-password", "/reset-password", "/invitation"] {
        let elsewhere = app.request(Method::POST, page).header("Sec-Fetch-Site", "cross-site");
        Answer::of(elsewhere.form(&[("email", &admin.email)]).send().await)
            .await
            .expect_problem(403, "cross_origin");
        let json = app.request(Method::POST, page).json(&json!({"email": admin.email})).send().await;
        assert_eq!(Answer::of(json).await.status.as_u16(), 415);
    }
    assert_eq!(app.answer_resets().await.issued, 1);
}

/// While the database is away the page says so in a sentence, with 503.
#[tokio::test]
async fn a_page_says_when_the_server_cannot() {
    let app = TestApp::start().await;
    app.assembly.database.clone().close().await;
    let away = send(&app, "/forgot-password", &[("email", "ann@example.com")]).await.expect(503);
    assert!(
        away.text.contains("role=\"alert\"") && away.text.contains("value=\"ann@example.com\""),
        "{}",
        away.text
    );
    assert!(!away.header("retry-after").is_empty());
    for page in ["/reset-password", "/invitation", "/unlock", "/not-me"] {
        let away = open(&app, &format!("{page}?token={}", "A".repeat(43))).await.expect(503);
        assert!(away.text.contains("not possible just now"), "{}", away.text);
    }
}
