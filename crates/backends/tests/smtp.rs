//! Delivery by SMTP, to a server that can do everything a mail server does wrong.

use std::time::Duration;

use accounts::outbox::RenderedMail;
use accounts::ports::{Mailer as _, Undelivered};
use backends::mail::{Patience, Sender, SmtpMailer, SmtpTarget};
use hardening::clock::Timestamp;
use testkit::smtp_sink::{Behaviour, Demands, Protection, SmtpSink, Stage};

const PATIENCE: Patience = Patience { connect: Duration::from_secs(5), attempt: Duration::from_secs(10) };

fn mailer_with(url: &str, patience: Patience) -> SmtpMailer {
    let sender = Sender::parse("Accounts <no-reply@acc.example>").expect("a sender");
    SmtpMailer::new(SmtpTarget::parse(url).expect("a URL"), sender, patience).expect("a mailer")
}

fn mailer(url: &str) -> SmtpMailer {
    mailer_with(url, PATIENCE)
}

fn mail(to: &str) -> RenderedMail {
    RenderedMail {
        to: to.into(),
        subject: "Hello".into(),
        text: "one\n.\ntwo\n".into(),
        html: "<p>one</p>".into(),
        link: None,
        date: Timestamp::from_unix_seconds(1_700_000_000),
    }
}

fn with_user(url: &str, user: &str) -> String {
    url.replacen("://", &format!("://{user}@"), 1)
}

async fn sink(protection: Protection, credentials: Option<(&str, &str)>) -> SmtpSink {
    SmtpSink::demanding(Demands { protection, name: None, credentials }).await
}

#[tokio::test]
async fn a_mail_arrives_whole_over_each_kind_of_connection() {
    for protection in [Protection::None, Protection::StartTls, Protection::Tls] {
        for credentials in [None, Some(("ann@example.org", "a:b@c/d%"))] {
            let sink = sink(protection, credentials).await;
            let url = match credentials {
                Some(_) => with_user(&sink.url(), "ann%40example.org:a%3Ab%40c%2Fd%25"),
                None => sink.url(),
            };
            let answer = mailer(&url).send("mail_1", &mail("bo@example.com")).await.expect("taken");
            assert_eq!(answer, "250 message taken");
            let arrived = sink.wait_for(1).await.remove(0);
            assert_eq!(
                (arrived.from.as_str(), arrived.to),
                ("no-reply@acc.example", vec!["bo@example.com".into()])
            );
            let read =
                mail_parser::MessageParser::default().parse(arrived.data.as_bytes()).expect("a message");
            assert_eq!(read.message_id(), Some("mail_1@acc.example"));
            assert_eq!(
                read.body_text(0).map(|text| text.replace("\r\n", "\n")),
                Some("one\n.\ntwo\n".into())
            );
            let clear = sink.heard_in_the_clear();
            let secret = |line: &String| ["AUTH", "MAIL", "Hello"].iter().any(|word| line.contains(word));
            assert_eq!(clear.iter().any(secret), protection == Protection::None, "{clear:?}");
        }
    }
}

#[tokio::test]
async fn no_starttls_no_mail_and_no_password() {
    let sink = sink(Protection::None, Some(("ann", "secret"))).await;
    // As after somebody in between took STARTTLS out of the answer: with an authority named it is demanded on
    // loopback too.
    let url = format!("smtp://ann:secret@{}?sslrootcert={}", sink.address(), sink.authority().display());
    let outcome = mailer(&url).deliver("mail_1", &mail("bo@example.com")).await;
    assert!(matches!(&outcome, Err(Undelivered::Later(why)) if why.contains("STARTTLS")), "{outcome:?}");
    let verbs: Vec<String> = sink
        .heard_in_the_clear()
        .iter()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(verbs, ["EHLO", "QUIT"]);
    assert!(sink.messages().is_empty());
}

#[tokio::test]
async fn a_server_nobody_vouches_for_gets_no_mail() {
    for protection in [Protection::StartTls, Protection::Tls] {
        let (sink, other) = (sink(protection, None).await, sink(protection, None).await);
        let misnamed = Demands { protection, name: Some("mail.example"), credentials: None };
        let misnamed = SmtpSink::demanding(misnamed).await;
        let stranger = format!("{}{}", sink.url().split('?').next().unwrap_or_default(), "?sslrootcert=");
        let stranger = format!("{stranger}{}", other.authority().display());
        let by_system = sink
            .url()
            .replace("smtp://127.0.0.1", "smtp://localhost.")
            .replace(&format!("?sslrootcert={}", sink.authority().display()), "");
        for url in [stranger, misnamed.url(), by_system] {
            let outcome = mailer(&url).deliver("mail_1", &mail("bo@example.com")).await;
            assert!(matches!(outcome, Err(Undelivered::Later(_))), "{url}: {outcome:?}");
            assert!(mailer(&url).check().await.is_err());
        }
        assert!(sink.messages().is_empty() && misnamed.messages().is_empty());
        let clear = [sink.heard_in_the_clear(), misnamed.heard_in_the_clear()].concat();
        assert!(!clear.iter().any(|line| line.starts_with("MAIL")), "{clear:?}");
    }
}

#[tokio::test]
async fn what_is_said_about_the_message_is_final_and_everything_else_passes() {
    for (stage, answer, is_final) in [
        (Stage::Connect, "421 4.3.2 busy", false),
        (Stage::Connect, "554 5.3.2 not you", false),
        (Stage::Sender, "451 4.3.0 later", false),
        (Stage::Sender, "503 5.5.1 wrong order", false),
        (Stage::Recipient, "450 4.2.1 greylisted", false),
        (Stage::Recipient, "550 5.1.1 no such user", true),
        (Stage::Data, "452 4.3.1 disk full", false),
        (Stage::Message, "451 4.7.1 later", false),
        (Stage::Message, "554 5.7.1 spam", true),
        (Stage::Message, "552 5.3.4 too large", true),
    ] {
        let sink = SmtpSink::start().await;
        sink.behave(Behaviour::Refuse(stage, answer.to_owned()));
        let outcome = mailer(&sink.url()).deliver("mail_1", &mail("bo@example.com")).await;
        let is_refused = matches!(outcome, Err(Undelivered::Refused(_)));
        assert_eq!(is_refused, is_final, "{stage:?} {answer}: {outcome:?}");
        let told = outcome.expect_err("not delivered").to_string();
        assert!(told.contains(&answer[..3]) || stage == Stage::Connect, "{told}");
        assert!(sink.messages().is_empty());
    }
}

#[tokio::test]
async fn wrong_credentials_are_no_fault_of_the_message() {
    let sink = sink(Protection::None, Some(("ann", "right"))).await;
    for url in [with_user(&sink.url(), "ann:wrong"), sink.url()] {
        let outcome = mailer(&url).deliver("mail_1", &mail("bo@example.com")).await;
        assert!(matches!(&outcome, Err(Undelivered::Later(_))), "{outcome:?}");
        assert!(!outcome.expect_err("refused").to_string().contains("wrong\""));
    }
    let checked = mailer(&with_user(&sink.url(), "ann:wrong")).check().await;
    assert!(checked.as_ref().is_err_and(|why| why.contains("535")), "{checked:?}");
    let checked = mailer(&with_user(&sink.url(), "ann:right")).check().await;
    assert!(checked.as_ref().is_ok_and(|found| found.contains("in the clear, signed in")), "{checked:?}");
}

#[tokio::test]
async fn a_silent_or_absent_server_costs_a_bounded_time() {
    let patience = Patience { connect: Duration::from_millis(300), attempt: Duration::from_millis(300) };
    let sink = SmtpSink::start().await;
    sink.behave(Behaviour::Hang);
    let begun = std::time::Instant::now();
    let outcome = mailer_with(&sink.url(), patience).deliver("mail_1", &mail("bo@example.com")).await;
    assert!(matches!(&outcome, Err(Undelivered::Later(why)) if why.contains("within 0.3 s")), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));

    let gone = sink.url();
    drop(sink);
    let outcome = mailer(&gone).deliver("mail_1", &mail("bo@example.com")).await;
    assert!(matches!(outcome, Err(Undelivered::Later(_))), "{outcome:?}");
}

#[tokio::test]
async fn nothing_that_is_typed_becomes_a_second_recipient() {
    let sink = SmtpSink::start().await;
    for to in ["bo@example.com\r\nRCPT TO:<eve@example.com>", "bo@example.com, eve@example.com", "bo", ""] {
        let outcome = mailer(&sink.url()).deliver("mail_1", &mail(to)).await;
        assert!(matches!(outcome, Err(Undelivered::Refused(_))), "{to}: {outcome:?}");
    }
    let subject = "Hi\r\nBcc: eve@example.com\r\n\r\nNew body".to_owned();
    let text = ".\r\nMAIL FROM:<x@example.com>\r\nRCPT TO:<eve@example.com>\r\n.\r\n".to_owned();
    let sneaky = RenderedMail { subject, text, ..mail("bo@example.com") };
    mailer(&sink.url()).deliver("mail_2", &sneaky).await.expect("delivered");
    let arrived = sink.messages();
    assert_eq!(arrived.iter().map(|message| message.to.clone()).collect::<Vec<_>>(), [["bo@example.com"]]);
    let read = mail_parser::MessageParser::default().parse(arrived[0].data.as_bytes()).expect("a message");
    assert!(read.bcc().is_none() && read.subject().is_some_and(|subject| subject.contains("Bcc:")));
}
