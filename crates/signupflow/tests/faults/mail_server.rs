//! The mail server hangs: while the program is killed, and while somebody watches how long answers take.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::binary::Binary;
use crate::support::fresh_email;
use serde_json::json;
use testkit::smtp_sink::{Behaviour, Message, SmtpSink};

fn message_id(message: &Message) -> String {
    let read = mail_parser::MessageParser::default().parse(message.data.as_bytes()).expect("a message");
    read.message_id().expect("it has one").to_owned()
}

/// Lets claims of the dead process run out, as a minute would.
fn claims_run_out(data_dir: &Path) {
    let database = rusqlite::Connection::open(data_dir.join("signupflow.db")).expect("the file is there");
    database
        .execute("UPDATE outbox_messages SET next_attempt_at = created_at WHERE status = 'waiting'", [])
        .expect("changed");
}

async fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// F14: a process that is killed while the mail server has its mails and does not answer loses none, and repeats each
/// at most once, with the same Message-ID.
#[tokio::test]
async fn kill_nine_between_delivery_and_its_answer_loses_no_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = SmtpSink::start().await;
    let url = sink.url();
    let variables = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "no-reply@accounts.test")];
    let mut server = Binary::start(folder.path(), &variables).await;
    sink.behave(Behaviour::HangAfterData);
    let mut people = Vec::new();
    for _ in 0..3 {
        let email = fresh_email();
        server.found(&email).await.expect("it lives");
        let password = crate::support::PASSWORD;
        server.login(&email, password).await.expect("it lives").expect(200);
        people.push(email);
    }
    until("the first mail", || !sink.messages().is_empty()).await;
    server.program.kill();
    let before = sink.messages();
    claims_run_out(&server.data_dir);
    sink.behave(Behaviour::Accept);
    let mut server = Binary::start(folder.path(), &variables).await;
    let arrived = |email: &String| sink.messages().iter().any(|message| message.to == [email.clone()]);
    until("every mail", || people.iter().all(arrived) && sink.messages().len() >= before.len() + 3).await;
    // Two rounds later there is no third copy.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let mut ids: Vec<String> = sink.messages().iter().map(message_id).collect();
    assert_eq!(ids.len(), before.len() + 3, "each that had arrived came once more");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let page = server.http.get(format!("http://{}/metrics", server.metrics)).send().await.expect("metrics");
    let page = page.text().await.expect("text");
    for name in [
        "signupflow_mails_delivered_total 3",
        "signupflow_mails_waiting ",
        "signupflow_mail_oldest_waiting_seconds ",
        "signupflow_mail_attempts_failed_total 0",
        "signupflow_mails_given_up_total 0",
    ] {
        assert!(page.contains(name), "{name} in {page}");
    }
    server.program.kill();
}

/// Asks for a reset of each address, three times each, in turn; the medians of what the two kinds took.
async fn medians_of_requests(server: &Binary, known: &[String], unknown: &[String]) -> [Duration; 2] {
    let mut taken = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for pair in known.iter().zip(unknown) {
            for (times, email) in taken.iter_mut().zip([pair.0, pair.1]) {
                let began = Instant::now();
                let asked = server.post("/api/auth/password-reset-request", &json!({"email": email})).await;
                asked.expect("it lives").expect(200);
                times.push(began.elapsed());
            }
        }
    }
    taken.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// F14: while the mail server keeps messages and does not answer, requests for a reset are answered as fast as before,
/// for known and unknown addresses alike (A09), and their mail arrives afterwards.
#[tokio::test]
async fn a_hanging_mail_server_tells_nobody_who_has_an_account() {
    const BOUND: Duration = Duration::from_millis(100);
    let folder = tempfile::tempdir().expect("a folder");
    let sink = SmtpSink::start().await;
    let url = sink.url();
    let variables = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "no-reply@accounts.test")];
    let mut server = Binary::start(folder.path(), &variables).await;
    let mut known = Vec::new();
    for _ in 0..10 {
        let email = fresh_email();
        server.found(&email).await.expect("it lives");
        known.push(email);
    }
    let unknown: Vec<String> = (0..10).map(|_| fresh_email()).collect();
    let before = medians_of_requests(&server, &known[..5], &unknown[..5]).await;
    let of_the_first = |email: &String| known[..5].contains(email);
    until("mail of the first five", || {
        sink.messages().iter().filter(|message| message.to.iter().any(of_the_first)).count() == 15
    })
    .await;
    sink.behave(Behaviour::HangAfterData);
    server.login(&known[0], crate::support::PASSWORD).await.expect("it lives").expect(200);
    until("a message that hangs", || sink.messages().len() > 15).await;

    let hanging = medians_of_requests(&server, &known[5..], &unknown[5..]).await;
    for (hanging, before) in hanging.iter().zip(before) {
        assert!(*hanging < before + BOUND, "{hanging:?} and {before:?} before");
    }
    assert!(hanging[0].abs_diff(hanging[1]) < BOUND, "known and unknown: {hanging:?}");
    sink.behave(Behaviour::Accept);
    let arrived = |email: &String| sink.messages().iter().any(|message| message.to == [email.clone()]);
    until("mail of the others", || known[5..].iter().all(arrived)).await;
    assert!(!unknown.iter().any(arrived));
    server.program.kill();
}
