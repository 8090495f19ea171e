//! The mail about a sign-in from a device that was not known, and its "this wasn't me" link.

use crate::support::authenticator::{enrolled, signed_in};
use crate::support::{Answer, PASSWORD, TestApp, fresh_ip};
use reqwest::Method;
use serde_json::json;

const SUBJECT: &str = "Subject: New sign-in to your account";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";

async fn new_device_mails(app: &TestApp, email: &str) -> Vec<String> {
    let mut mails = app.all_mails_to(email).await;
    mails.retain(|mail| mail.contains(SUBJECT));
    mails
}

fn token_in(mail: &str) -> String {
    let rest = mail.split("/not-me?token=").nth(1).expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

#[tokio::test]
async fn a_device_is_told_of_once_when_it_becomes_known() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    assert!(app.all_mails_to(&ada.email).await.is_empty(), "signing up is no news");
    let body = json!({"email": ada.email, "password": PASSWORD});
    let request =
        app.request_from("192.0.2.77", Method::POST, "/api/auth/login").header("User-Agent", FIREFOX);
    let phone = Answer::of(request.json(&body).send().await).await.expect(200);
    let mails = new_device_mails(&app, &ada.email).await;
    assert_eq!(mails.len(), 1);
    let device = format!(
        "Device: Firefox 130.0 on Linux\r\nAddress: 192.0.2.77\r\nTime: {}",
        &app.now().to_string()[..4]
    );
    assert!(mails[0].contains(&device), "{}", mails[0]);

    for device_token in [phone.field("device_token"), ada.device_token.clone()] {
        let known = json!({"email": ada.email, "password": PASSWORD, "device_token": device_token});
        app.post_from(&fresh_ip(), "/api/auth/login", &known).await.expect(200);
    }
    app.login_from(&fresh_ip(), &ada.email, "wrong").await.expect(401);
    assert_eq!(new_device_mails(&app, &ada.email).await.len(), 1, "known devices and failures are no news");
    let forged = json!({"email": ada.email, "password": PASSWORD, "device_token": "made.up"});
    app.post_from(&fresh_ip(), "/api/auth/login", &forged).await.expect(200);
    assert_eq!(new_device_mails(&app, &ada.email).await.len(), 2);
}

#[tokio::test]
async fn its_link_locks_the_account_once() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let thief = ada.on_another_device().await;
    let token = json!({"token": token_in(&new_device_mails(&app, &ada.email).await[0])});
    app.get(&format!("/not-me?token={}", token["token"].as_str().expect("text"))).await.expect(200);
    assert!(thief.is_signed_in().await, "looking changes nothing");
    app.post_from(&fresh_ip(), "/api/auth/not-me", &token).await.expect(200);
    assert!(!thief.is_signed_in().await && !ada.is_signed_in().await);
    app.login_from(&fresh_ip(), &ada.email, PASSWORD).await.expect(401);
    app.post_from(&fresh_ip(), "/api/auth/not-me", &token).await.expect_problem(400, "token_invalid");
}

#[tokio::test]
async fn with_a_second_factor_it_comes_after_the_code() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let authenticator = enrolled(&ada).await;
    app.login_from(&fresh_ip(), &ada.email, PASSWORD).await.expect(200);
    let before = new_device_mails(&app, &ada.email).await.len();
    assert_eq!(before, 0, "half a sign-in makes no device known");
    signed_in(&app, &ada.email, &authenticator).await;
    assert_eq!(new_device_mails(&app, &ada.email).await.len(), 1);
}

#[tokio::test]
async fn it_speaks_the_persons_language_and_names_no_address_of_others() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    ada.put(&format!("/api/people/{}", ada.id), &json!({"language": "zh-TW"})).await.expect(200);
    let body = json!({"email": ada.email, "password": PASSWORD});
    let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login");
    let request = request.header("User-Agent", "https://evil.example/<b>win</b>");
    Answer::of(request.json(&body).send().await).await.expect(200);
    app.all_mails_to(&ada.email).await;
    let files = std::fs::read_dir(app.outbox_dir()).expect("mails").flatten();
    let mail = files.map(|file| std::fs::read(file.path()).expect("readable")).next().expect("one");
    let read = mail_parser::MessageParser::default().parse(&mail).expect("a message");
    assert_eq!(read.subject(), Some("您的帳號有新的登入"));
    let (text, html) = (read.body_text(0).expect("text"), read.body_html(0).expect("HTML"));
    for part in [&text, &html] {
        assert!(part.contains("裝置") && !part.contains("evil.example") && !part.contains("<b>"), "{part}");
    }
}
