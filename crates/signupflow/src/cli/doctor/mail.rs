//! Does the mail server take us, and, when asked for, a mail?

use accounts::outbox::RenderedMail;
use backends::mail::{SmtpMailer, SmtpTarget};
use hardening::clock::{Clock as _, SystemClock};
use hardening::email::EmailAddress;
use hardening::entropy::{OsEntropy, new_id};

use super::Check;
use crate::config::Config;
use crate::wiring::smtp_mailer;

const ID: &str = "mail";
const TITLE: &str = "Mail server";
const TEST_ID: &str = "test_mail";
const TEST_TITLE: &str = "Test mail";
const TEXT: &str =
    "This mail was sent by `signupflow doctor --send-test-mail`.\n\nIf you can read it, mails arrive.\n";

pub(super) async fn examine(config: &Config, test_recipient: Option<&str>) -> Vec<Check> {
    let Some(target) = &config.mail.smtp else {
        let no_server = test_recipient.map(|_| {
            Check::fail(TEST_ID, TEST_TITLE, "no mail server is named: mails are files", "set SMTP_URL")
        });
        return no_server.into_iter().collect();
    };
    let mailer = match smtp_mailer(target, config) {
        Ok(mailer) => mailer,
        Err(error) => return vec![Check::fail(ID, TITLE, error.to_string(), "mend SMTP_URL or MAIL_FROM")],
    };
    let mut checks = vec![connection(&mailer, target).await];
    if let Some(recipient) = test_recipient {
        checks.push(test_mail(&mailer, recipient).await);
    }
    checks
}

async fn connection(mailer: &SmtpMailer, target: &SmtpTarget) -> Check {
    match mailer.check().await {
        Ok(found) => Check::pass(ID, TITLE, found),
        Err(error) => {
            let user = if target.credentials.is_some() { ", user and password" } else { "" };
            let fix = format!(
                "see that host, port{user} in SMTP_URL are right, that a firewall lets this machine through, and that \
                 the server's certificate is vouched for"
            );
            Check::fail(ID, TITLE, error, fix)
        }
    }
}

async fn test_mail(mailer: &SmtpMailer, recipient: &str) -> Check {
    if let Err(error) = EmailAddress::parse(recipient) {
        return Check::fail(
            TEST_ID,
            TEST_TITLE,
            error.to_string(),
            "give an address such as ada@example.org",
        );
    }
    let now = SystemClock.now();
    let mail = RenderedMail {
        to: recipient.to_owned(),
        subject: "Test mail from SignUpFlow".to_owned(),
        text: TEXT.to_owned(),
        html: format!("<!DOCTYPE html><html lang=\"en\"><body><p>{}</p></body></html>", TEXT.trim()),
        link: None,
        date: now,
    };
    match mailer.send(&new_id("mail", now, &OsEntropy), &mail).await {
        Ok(answer) => {
            Check::pass(TEST_ID, TEST_TITLE, format!("the server took it for {recipient}: {answer}"))
        }
        Err(error) => {
            let fix = "ask who runs the mail server about this answer; it may not take mails from MAIL_FROM";
            Check::fail(TEST_ID, TEST_TITLE, error.to_string(), fix)
        }
    }
}
