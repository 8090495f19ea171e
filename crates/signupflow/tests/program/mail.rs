//! `signupflow mail`, and the doctor's look at the mail server.

use crate::place::Place;
use crate::support::binary::Binary;
use crate::support::{PASSWORD, fresh_email};
use serde_json::Value;
use testkit::smtp_sink::{Behaviour, Demands, Protection, SmtpSink};

fn check<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let checks = answer["checks"].as_array().expect("a list");
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id} in {answer}"))
}

/// Commands block their thread: they run beside the sink.
async fn run(place: Place, arguments: &'static [&'static str]) -> (Place, crate::place::Ended) {
    let ended = tokio::task::spawn_blocking(move || {
        let ended = place.run(arguments);
        (place, ended)
    });
    ended.await.expect("it runs")
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_sent_again() {
    let sink = SmtpSink::start().await;
    let url = sink.url();
    let place = Place::new().with("SMTP_URL", &url).with("MAIL_FROM", "no-reply@accounts.test");
    let variables = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "no-reply@accounts.test")];
    let email = fresh_email();
    sink.behave(Behaviour::RefuseRecipient(email.clone(), "550 5.1.1 no \u{1b}[31msuch user".to_owned()));
    let mut server = Binary::start(place.path(), &variables).await;
    server.found(&email).await.expect("it lives");
    server.login(&email, PASSWORD).await.expect("it lives").expect(200);
    let (mut place, mut listed) = (place, Value::Null);
    for _ in 0..50 {
        let (back, ended) = run(place, &["mail", "list", "--status", "dead", "--format", "json"]).await;
        place = back;
        listed = serde_json::from_str(&ended.done()).expect("JSON");
        if listed["dead"] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mail = &listed["mails"][0];
    assert_eq!((&mail["kind"], &mail["status"]), (&"new_device".into(), &"dead".into()), "{listed}");
    assert!(!listed.to_string().contains("token") && !listed.to_string().contains("no-reply"));
    let (place, table) = run(place, &["mail", "list"]).await;
    let table = table.done();
    assert!(table.contains("new_device") && table.contains("550") && !table.contains('\u{1b}'), "{table}");

    sink.behave(Behaviour::Accept);
    let (place, retried) = run(place, &["mail", "retry", "--all-dead"]).await;
    assert_eq!(retried.done(), "1 mail will be sent again.\n");
    assert_eq!(sink.wait_for(1).await[0].to, [email]);
    let (place, again) = run(place, &["mail", "retry", "--all-dead", "--format", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&again.done()).expect("JSON")["retried"], serde_json::json!([]));
    let id: &'static str = Box::leak(mail["id"].as_str().expect("an id").to_owned().into_boxed_str());
    let arguments: &'static [&'static str] = Box::leak(vec!["mail", "retry", id].into_boxed_slice());
    let (place, refused) = run(place, arguments).await;
    refused.failed(1, "is not a mail that was given up");
    let (place, unknown) = run(place, &["mail", "retry", "mail_none"]).await;
    unknown.failed(1, "there is no mail mail_none");
    let (place, unclear) = run(place, &["mail", "retry"]).await;
    unclear.failed(2, "<ID>");
    let (_, audit) = run(place, &["audit", "list", "--action", "mail.*", "--format", "json"]).await;
    let audit = audit.done();
    assert!(audit.contains("mail.undeliverable") && audit.contains("mail.retried"), "{audit}");
    server.program.kill();
}

#[tokio::test]
async fn the_doctor_signs_in_at_the_mail_server_and_sends_a_test_mail_when_asked() {
    let demands = Demands { protection: Protection::Tls, name: None, credentials: Some(("ann", "right")) };
    let sink = SmtpSink::demanding(demands).await;
    let url = sink.url().replacen("://", "://ann:right@", 1);
    let place = Place::new().with("SMTP_URL", &url);
    let (place, ended) = run(place, &["doctor", "--format", "json"]).await;
    let answer: Value = serde_json::from_str(&ended.done()).expect("JSON");
    assert_eq!(check(&answer, "mail")["outcome"], "pass", "{answer}");
    assert!(sink.messages().is_empty());
    let (_, ended) = run(place, &["doctor", "--send-test-mail", "bo@example.com", "--format", "json"]).await;
    let answer: Value = serde_json::from_str(&ended.done()).expect("JSON");
    let said = check(&answer, "test_mail")["detail"].as_str().expect("text");
    assert!(said.contains("250 message taken") && said.contains("bo@example.com"), "{said}");
    assert_eq!(sink.messages()[0].to, ["bo@example.com"]);

    let wrong = Place::new().with("SMTP_URL", &url.replace("right", "wrong"));
    let (_, ended) = run(wrong, &["doctor", "--format", "json"]).await;
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let mail = check(&answer, "mail");
    assert!(
        ended.code == Some(1) && mail["detail"].as_str().is_some_and(|said| said.contains("535")),
        "{mail}"
    );
    let untrusted = Place::new().with("SMTP_URL", url.split('?').next().expect("before"));
    let (_, ended) =
        run(untrusted, &["doctor", "--send-test-mail", "bo@example.com", "--format", "json"]).await;
    assert_eq!((ended.code, sink.messages().len()), (Some(1), 1));
    let nowhere = Place::new();
    let (_, ended) =
        run(nowhere, &["doctor", "--send-test-mail", "bo@example.com", "--format", "json"]).await;
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(ended.code == Some(1) && check(&answer, "test_mail")["fix"] == "set SMTP_URL", "{answer}");
}

#[test]
fn a_mail_server_that_cannot_be_meant_stops_the_start() {
    for (url, why) in [
        ("smtp://ann:hunter2@mail.example/path", "path"),
        ("smtps://mail.example?sslrootcert=/no/such/file.pem", "sslrootcert"),
    ] {
        let ended = Place::new().with("SMTP_URL", url).run(&["serve"]).failed(2, "SMTP_URL");
        assert!(ended.stderr.contains(why) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}
