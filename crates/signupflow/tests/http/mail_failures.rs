//! Mail that is refused for good: put aside, on record, told to the admins, and sent again when somebody says so.

use crate::mail_delivery::{mailer, message_id, round, rounds};
use crate::support::{TestApp, fresh_email};
use accounts::outbox::operate;
use accounts::ports::MailStatus;
use accounts::{Error, Refusal};
use serde_json::json;
use testkit::smtp_sink::{Behaviour, SmtpSink, Stage};

fn refused(email: &str) -> Behaviour {
    Behaviour::RefuseRecipient(email.to_owned(), "550 5.1.1 no such user".to_owned())
}

/// F15: mail that is refused for good is tried once, put aside with an event in the log of its organization, and its
/// admins are told; an operator can have it sent again.
#[tokio::test]
async fn a_permanent_refusal_is_a_dead_letter_an_event_and_a_notice() {
    let app = TestApp::start().await;
    let services = &app.assembly.services;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let (sink, other) = (SmtpSink::start().await, app.admin().await);
    let mailer = mailer(&sink);
    rounds(&app, &mailer).await;
    sink.clear();
    member.on_another_device().await;
    sink.behave(refused(&member.email));
    assert_eq!(round(&app, &mailer).await.dead, 1);
    let row = services.outbox.list_of(MailStatus::Dead, 10).await.expect("readable").remove(0);
    assert_eq!((row.kind.as_str(), row.attempts), ("new_device", 1));
    assert!(
        row.last_error.as_deref().is_some_and(|said| said.contains("550") && said.contains("no such user"))
    );

    let events = app.audit_rows("mail.undeliverable").await;
    assert_eq!(events.len(), 1);
    assert_eq!((&*events[0].org_id, &*events[0].resource_id), (&*admin.org_id, &*row.id));
    assert_eq!(events[0].status, "failure");
    let recorded = serde_json::to_string(&events[0]).expect("JSON");
    assert!(recorded.contains("new_device") && !recorded.contains(&member.email), "{recorded}");

    assert_eq!(round(&app, &mailer).await.delivered, 1);
    let notice = sink.messages().remove(0);
    assert_eq!(notice.to, [admin.email.clone()], "and not {}", other.email);
    let read = mail_parser::MessageParser::default().parse(notice.data.as_bytes()).expect("a message");
    assert_eq!(read.subject(), Some("A mail could not be delivered"));
    let text = read.body_text(0).expect("text");
    for said in [member.email.as_str(), "no such user", "New sign-in to your account"] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(!text.contains("token="), "links stay with the dead letter");

    sink.behave(Behaviour::Accept);
    operate::retry(services, "root", &row.id).await.expect("retried");
    let again = operate::retry(services, "root", &row.id).await;
    assert!(matches!(again, Err(Error::Refused(Refusal::Conflict))), "{again:?}");
    assert_eq!(round(&app, &mailer).await.delivered, 1);
    let late = sink.messages().pop().expect("it arrived");
    assert_eq!(late.to, [member.email.clone()]);
    assert!(message_id(&late).starts_with(&row.id));
    assert_eq!(app.audit_rows("mail.retried").await[0].user_email, "cli:root");
}

/// F15: news of mail that was refused make no news of their own, and an invitation that bounces is told of too.
#[tokio::test]
async fn notices_about_notices_are_never_written() {
    let app = TestApp::start().await;
    let services = &app.assembly.services;
    let admin = app.admin().await;
    let second = app.invited(&admin, &["admin"]).await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    rounds(&app, &mailer).await;
    let invited = fresh_email();
    admin.post("/api/invitations", &json!({"email": invited, "roles": ["usher"]})).await.expect(201);
    sink.behave(Behaviour::Refuse(Stage::Message, "554 5.7.1 not from you".to_owned()));
    rounds(&app, &mailer).await;
    let dead = services.outbox.list_of(MailStatus::Dead, 10).await.expect("readable");
    let mut kinds: Vec<&str> = dead.iter().map(|row| &*row.kind).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["invitation", "undeliverable", "undeliverable"],
        "for {} and {}",
        admin.email,
        second.email
    );
    let events = app.audit_rows("mail.undeliverable").await;
    assert!(events.len() == 3 && events.iter().all(|row| row.org_id == admin.org_id));

    sink.behave(Behaviour::Accept);
    assert_eq!(operate::retry_all_dead(services, "root").await.expect("retried").len(), 3);
    rounds(&app, &mailer).await;
    assert_eq!(services.outbox.backlog().await.expect("readable").dead, 0);
}

/// F15: what is not taken for about three days is given up, and no earlier.
#[tokio::test]
async fn after_about_three_days_a_mail_is_given_up() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    let body = json!({"email": fresh_email(), "roles": ["usher"]});
    admin.post("/api/invitations", &body).await.expect(201);
    sink.behave(Behaviour::Refuse(Stage::Connect, "421 busy".to_owned()));
    let (mut hours, mut attempts) = (0, 0);
    loop {
        let round = round(&app, &mailer).await;
        attempts += round.total();
        if round.dead > 0 {
            break;
        }
        app.advance(60 * 60);
        hours += 1;
        assert!(hours < 120, "it is never given up");
    }
    assert!((60..=96).contains(&hours), "{hours} hours");
    assert!(attempts <= 23, "{attempts} attempts");
}
