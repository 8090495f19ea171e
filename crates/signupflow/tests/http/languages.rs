//! What the API says, in the language that is asked for.

use crate::support::authenticator::{enrolled, give, temporary_token};
use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use backends::sql::Unit;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use wording::{Language, Message};

async fn asked_in(request: RequestBuilder, header: &str) -> Answer {
    Answer::of(request.header("Accept-Language", header).send().await).await
}

#[track_caller]
fn expect_said(answer: &Answer, language: Language, sentence: &Message) {
    assert_eq!(answer.json["detail"], sentence.said_in(language), "{}", answer.text);
    assert_eq!(answer.header("content-language"), language.tag());
    let varies = answer.header("vary").to_ascii_lowercase();
    assert!(varies.contains("accept-language"), "{varies}");
}

fn login(app: &TestApp, ip: &str, email: &str, password: &str) -> RequestBuilder {
    let body = json!({"email": email, "password": password});
    app.request_from(ip, Method::POST, "/api/auth/login").json(&body)
}

/// Every kind of place that refuses: routes, bodies, layers, use cases, limits, locks.
#[tokio::test]
async fn refusals_are_said_in_the_language_of_the_request() {
    for language in Language::ALL {
        let (app, tag, code) = (TestApp::start().await, language.tag(), Message::of_code);
        let person = app.admin().await;
        let ask = |method, path: &str| app.request_from(&person.ip, method, path).bearer_auth(&person.token);
        let said = |answer: &Answer, sentence: Message| expect_said(answer, language, &sentence);

        let nothing = asked_in(app.request(Method::GET, "/api/nothing"), tag).await.expect(404);
        said(&nothing, Message::new("detail-nothing-here"));
        let method = asked_in(app.request(Method::PATCH, "/api/auth/login"), tag).await.expect(405);
        said(&method, code("method_not_allowed"));
        said(
            &asked_in(app.request(Method::GET, "/api/people/me"), tag).await.expect(401),
            code("unauthenticated"),
        );
        let team = asked_in(ask(Method::GET, "/api/teams/team_none"), tag).await.expect(404);
        said(&team, Message::new("detail-no-such").with("what", "team"));
        let forged =
            asked_in(ask(Method::POST, "/api/teams").json(&json!({"name": "x"})), tag).await.expect(403);
        said(&forged, code("csrf_missing"));
        let invalid =
            asked_in(person.request(Method::POST, "/api/teams").json(&json!({"name": ""})), tag).await;
        said(&invalid.expect(422), code("invalid_input"));
        let huge = person.request(Method::POST, "/api/teams").json(&json!({"name": "x".repeat(200_000)}));
        let huge = asked_in(huge, tag).await.expect(413);
        said(&huge, Message::new("detail-body-too-large").with("limit", 64_u64 * 1024));

        let ip = fresh_ip();
        for _ in 0..5 {
            let wrong = asked_in(login(&app, &ip, &person.email, "wrong"), tag).await.expect(401);
            said(&wrong, Message::new("detail-wrong-email-or-password"));
        }
        let locked = asked_in(login(&app, &ip, &person.email, PASSWORD), tag).await.expect(429);
        let quarter = std::time::Duration::from_mins(15);
        said(&locked, Message::new("detail-locked-but-known").with("duration", quarter));
        assert_eq!(locked.json["code"], "account_locked", "codes are no language");
    }
}

#[tokio::test]
async fn a_wrong_code_and_a_traffic_limit_are_said_in_the_language_of_the_request() {
    let app = TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "3")]).await;
    let person = app.admin().await;
    for left in (0..3).rev() {
        assert_eq!(
            person.get("/api/people/me").await.expect(200).header("x-ratelimit-remaining"),
            left.to_string()
        );
    }
    let refused = asked_in(person.request(Method::GET, "/api/people/me"), "pt-BR").await.expect(429);
    assert_eq!(
        refused.field("detail"),
        "Requisições demais: no máximo 3 em 1 minuto. Espere e tente de novo."
    );
    app.advance(60);
    let authenticator = enrolled(&person).await;
    let token = temporary_token(&app, &person.email).await;
    let body = json!({"temp_token": token, "code": authenticator.wrong(&app)});
    let wrong = app.request_from(&fresh_ip(), Method::POST, "/api/auth/2fa/verify").json(&body);
    let wrong = asked_in(wrong, "zh-TW").await.expect(401);
    assert_eq!(wrong.field("detail"), "驗證碼不正確，或已被使用。");
    give(&app, &token, &authenticator.code(&app)).await;
}

/// Without a wish, and with one nobody can fulfil or read, it is English; never an error, never slow.
#[tokio::test]
async fn any_wish_gets_an_answer() {
    let app = TestApp::start().await;
    let english: Value = Message::new("detail-wrong-email-or-password").to_string().into();
    let plain = app.login_from(&fresh_ip(), &fresh_email(), "wrong").await.expect(401);
    assert_eq!((plain.header("content-language"), &plain.json["detail"]), ("en", &english));
    let long = "fr,".repeat(2_000);
    for wish in ["", "*", "de", "tlh;q=1", ";;;=,,,", "es;q=nan", "\t", "en;q=0", &long] {
        let answer = asked_in(login(&app, &fresh_ip(), &fresh_email(), "wrong"), wish).await.expect(401);
        assert_eq!(answer.json["detail"], english, "{wish}");
    }
    let mixed = "de-CH, xx;q=0.9, fr-CA;q=0.8, es;q=0.7";
    let answer = asked_in(login(&app, &fresh_ip(), &fresh_email(), "wrong"), mixed).await.expect(401);
    assert_eq!(answer.field("detail"), "L’adresse e-mail ou le mot de passe n’est pas correct.");
    let fine = asked_in(app.request(Method::GET, "/health"), "fr").await.expect(200);
    assert_eq!(
        (fine.header("content-language"), fine.header("vary")),
        ("", ""),
        "only what is said has a language"
    );
}

/// Who signs up gets mail in the language their browser asks for, whichever way it says it; pages and API alike.
#[tokio::test]
async fn signing_up_keeps_the_language_that_was_asked_for() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (wish, stored) in [
        ("zh", "zh-CN"),
        ("zh-Hans", "zh-CN"),
        ("zh-SG,zh;q=0.9", "zh-CN"),
        ("zh-Hant", "zh-TW"),
        ("zh-HK,zh;q=0.9,en;q=0.8", "zh-TW"),
        ("zh-TW", "zh-TW"),
        ("en;q=0.1, fr-CA;q=0.8", "fr"),
        ("de, es-MX;q=0.5, pt;q=0.4", "es"),
        ("PT-br", "pt"),
        ("fr;q=0, en", "en"),
        ("tlh", "en"),
        ("", "en"),
    ] {
        let email = fresh_email();
        let body = json!({"name": "Li", "email": email, "password": PASSWORD, "org_name": "Helpers"});
        let ip = fresh_ip();
        let signup = app.request_from(&ip, Method::POST, "/api/auth/signup").json(&body);
        let answer = asked_in(signup, wish).await.expect(201);
        let person = Persona::from_sign_in(&app, ip, &email, PASSWORD, &answer);
        let me = person.get("/api/people/me").await.expect(200);
        assert_eq!(me.json["language"], stored, "{wish}");
    }
    let email = fresh_email();
    admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
    let token = app.mailed_token(&email).await;
    let form = [("token", &*token), ("name", "Li"), ("email", &*email), ("password", PASSWORD)];
    let accept = app.request(Method::POST, "/invitation").header("Sec-Fetch-Site", "same-origin").form(&form);
    asked_in(accept, "zh-HK").await.expect(200);
    let people = admin.get("/api/people").await.expect(200);
    let joined = people.json["items"].as_array().expect("people").iter().find(|one| one["email"] == *email);
    assert_eq!(joined.expect("they joined")["language"], "zh-TW");
}

/// An adopted database may hold any tag: an invitation speaks the inviter's language like every other mail.
#[tokio::test]
async fn an_invitation_speaks_the_language_of_who_invites() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (tag, subject) in [("pt-BR", "Convite para"), ("fr_CA", "Invitation"), ("tlh", "Invitation to")] {
        let mut unit = Unit::housekeeping("a language as an adopted database may have it");
        let params = vec![tag.into(), admin.id.as_str().into()];
        unit.guarded("UPDATE people SET language = $1 WHERE id = $2", params, "no such person");
        app.assembly.database.commit(unit).await.expect("stored");
        let email = fresh_email();
        admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
        let mails = app.mails_to(&email).await;
        assert!(mails[0].contains(subject), "{tag}: {}", mails[0]);
        let language = Language::for_tag(tag).tag();
        assert!(mails[0].contains(&format!("<html lang=\"{language}\">")), "{tag}: {}", mails[0]);
    }
}
