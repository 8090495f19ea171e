//! Mail by SMTP while the mail server does everything wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, TestApp, fresh_ip};
use accounts::outbox::{RenderedMail, Round, deliver_round};
use accounts::ports::{Mailer, Undelivered};
use async_trait::async_trait;
use backends::mail::{Patience, Sender, SmtpMailer, SmtpTarget};
use reqwest::Method;
use serde_json::json;
use testkit::smtp_sink::{Behaviour, Message, SmtpSink, Stage};

pub(crate) fn mailer(sink: &SmtpSink) -> SmtpMailer {
    let patience = Patience { connect: Duration::from_secs(5), attempt: Duration::from_secs(1) };
    let sender = Sender::parse("no-reply@accounts.test").expect("a sender");
    SmtpMailer::new(SmtpTarget::parse(&sink.url()).expect("a URL"), sender, patience).expect("a mailer")
}

pub(crate) fn message_id(message: &Message) -> String {
    let read = mail_parser::MessageParser::default().parse(message.data.as_bytes()).expect("a message");
    read.message_id().expect("it has one").to_owned()
}

pub(crate) async fn round(app: &TestApp, mailer: &SmtpMailer) -> Round {
    deliver_round(&app.assembly.services, mailer).await.expect("the database answers")
}

/// Delivers until nothing is due.
pub(crate) async fn rounds(app: &TestApp, mailer: &SmtpMailer) {
    while round(app, mailer).await.total() > 0 {}
}

/// F14: while the mail server hangs, refuses connections or answers "later", no request is slower than without it,
/// and every mail arrives once afterwards.
#[tokio::test]
async fn a_mail_server_that_does_not_take_mail_delays_mail_only() {
    let app = TestApp::start().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    let later = |stage| Behaviour::Refuse(stage, "451 4.3.0 try later".to_owned());
    let mut people = Vec::new();
    for behaviour in [Behaviour::Hang, later(Stage::Connect), later(Stage::Recipient), later(Stage::Message)]
    {
        sink.behave(behaviour);
        let admin = app.admin().await;
        let mut slowest = Duration::ZERO;
        let requests = async {
            for _ in 0..3 {
                let began = Instant::now();
                let body = json!({"email": admin.email, "password": PASSWORD});
                let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").json(&body);
                Answer::of(request.send().await).await.expect(200);
                slowest = slowest.max(began.elapsed());
            }
        };
        let (outcome, ()) = tokio::join!(round(&app, &mailer), requests);
        assert_eq!(outcome.delivered, 0);
        assert_eq!(round(&app, &mailer).await.delivered, 0);
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        people.push(admin.email);
    }
    assert!(sink.messages().is_empty());
    sink.behave(Behaviour::Accept);
    app.advance(60 * 60);
    rounds(&app, &mailer).await;
    let messages = sink.messages();
    for email in people {
        assert_eq!(messages.iter().filter(|message| message.to == [email.clone()]).count(), 3);
    }
    let mut ids: Vec<String> = messages.iter().map(message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 12, "a mail came twice, or another one");
    assert_eq!(app.assembly.services.outbox.backlog().await.expect("readable").waiting, 0);
}

/// F14: a connection that breaks when the message was taken costs at most a repetition with the same Message-ID.
#[tokio::test]
async fn a_message_that_comes_twice_has_the_same_message_id() {
    let app = TestApp::start().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    app.admin().await.on_another_device().await;
    sink.behave(Behaviour::DropAfterData);
    assert_eq!(round(&app, &mailer).await.postponed, 1);
    assert_eq!(round(&app, &mailer).await.total(), 0, "not at once");
    app.advance(13);
    sink.behave(Behaviour::Accept);
    assert_eq!(round(&app, &mailer).await.delivered, 1);
    let messages = sink.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].data, messages[1].data);
    assert_eq!(message_id(&messages[0]), message_id(&messages[1]));
}

/// F14: a mail that is nothing but a link is dropped with it.
#[tokio::test]
async fn what_is_not_worth_sending_any_more_is_not_sent() {
    let app = TestApp::start().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    let email = app.admin().await.email;
    let asked = json!({"email": email});
    app.post_from(&fresh_ip(), "/api/auth/password-reset-request", &asked).await.expect(200);
    app.answer_resets().await;
    app.advance(60 * 60 - 1);
    sink.behave(Behaviour::Refuse(Stage::Message, "451 later".to_owned()));
    assert_eq!(round(&app, &mailer).await.postponed, 1, "a second before it is still worth it");
    sink.behave(Behaviour::Accept);
    app.advance(15);
    assert_eq!(round(&app, &mailer).await.expired, 1);
    assert!(sink.messages().is_empty());
    let row = app.assembly.services.outbox.list(1).await.expect("readable").remove(0);
    assert_eq!((row.kind.as_str(), row.status.as_str()), ("password_reset", "expired"));
}

/// F14: news of an account outlive the link in them: after a day and more they arrive, without it.
#[tokio::test]
async fn news_arrive_after_their_link_is_dead() {
    let app = TestApp::start().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    let admin = app.admin().await;
    let change = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    admin.put("/api/auth/password", &change).await.expect(200);
    app.login_from(&fresh_ip(), &admin.email, OTHER_PASSWORD).await.expect(200);
    let stranger = fresh_ip();
    for _ in 0..5 {
        app.login_from(&stranger, &admin.email, "wrong").await.expect(401);
    }
    sink.behave(Behaviour::Refuse(Stage::Connect, "421 busy".to_owned()));
    for hours in 0..50 {
        app.advance(60 * 60);
        assert_eq!(round(&app, &mailer).await.expired, 0, "after {hours} hours");
    }
    sink.behave(Behaviour::Accept);
    app.advance(8 * 60 * 60);
    rounds(&app, &mailer).await;
    let messages = sink.messages();
    let read = |message: &Message| {
        let read = mail_parser::MessageParser::default().parse(message.data.as_bytes()).expect("a message");
        (read.subject().unwrap_or_default().to_owned(), read.body_text(0).unwrap_or_default().into_owned())
    };
    let mut subjects: Vec<String> = Vec::new();
    for (subject, text) in messages.iter().map(read) {
        assert!(!text.contains("token=") && !text.contains("with this link"), "{text}");
        subjects.push(subject);
    }
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        ["New sign-in to your account", "Your account was locked", "Your password was changed"]
    );
}

/// F14: nodes that share the work send each mail once.
#[tokio::test]
async fn two_nodes_send_each_mail_once() {
    let [one, two] = TestApp::nodes::<2>().await;
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink);
    let admin = one.admin().await;
    for _ in 0..20 {
        admin.on_another_device().await;
    }
    let work = |app| {
        let mailer = &mailer;
        async move {
            let mut delivered = 0;
            for _ in 0..20 {
                delivered += round(app, mailer).await.delivered;
            }
            delivered
        }
    };
    let (a, b, c) = tokio::join!(work(&one), work(&two), work(&one));
    assert_eq!(a + b + c, 20);
    let mut ids: Vec<String> = sink.messages().iter().map(message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), sink.messages().len()), (20, 20));
}

/// Never answers about mail to one address, and tells of all other.
struct Stuck(String, tokio::sync::mpsc::UnboundedSender<String>);

#[async_trait]
impl Mailer for Stuck {
    async fn deliver(&self, _: &str, mail: &RenderedMail) -> Result<(), Undelivered> {
        if mail.to == self.0 {
            std::future::pending::<()>().await;
        }
        let _ = self.1.send(mail.to.clone());
        Ok(())
    }
}

/// F14: a message that the mail server keeps waiting holds up no other of the same node.
#[tokio::test]
async fn a_message_that_hangs_holds_up_no_other() {
    let app = TestApp::start().await;
    let (stuck, other) = (app.admin().await, app.admin().await);
    stuck.on_another_device().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mailer: Arc<dyn Mailer> = Arc::new(Stuck(stuck.email.clone(), tell));
    let delivering = tokio::spawn(signupflow::mail_delivery::deliver(app.assembly.services.clone(), mailer));
    // More than leave at once, and twice, so that the second time the first is certainly under way.
    for _ in 0..2 {
        for _ in 0..10 {
            other.on_another_device().await;
        }
        for _ in 0..10 {
            let arrived = tokio::time::timeout(Duration::from_secs(30), told.recv()).await;
            assert_eq!(arrived.expect("it is not held up"), Some(other.email.clone()));
        }
    }
    delivering.abort();
}
