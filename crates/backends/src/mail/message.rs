//! A [`RenderedMail`] as an Internet message (RFC 5322), the same at every attempt.

use std::time::{Duration, UNIX_EPOCH};

use accounts::outbox::RenderedMail;
use hardening::hex;
use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};

/// From whom mails come.
#[derive(Clone, Debug)]
pub struct Sender {
    mailbox: Mailbox,
}

/// The text is not `user@host` or `Name <user@host>`, or the address is not ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sender: write user@example.com or Name <user@example.com>")]
pub struct NotASender;

impl Sender {
    /// Reads `MAIL_FROM`.
    ///
    /// # Errors
    /// [`NotASender`].
    pub fn parse(text: &str) -> Result<Self, NotASender> {
        let mailbox: Mailbox = text.parse().map_err(|_| NotASender)?;
        // The host also stands in Message-IDs, which have no way to write anything else.
        let address: &str = mailbox.email.as_ref();
        if address.is_ascii() { Ok(Self { mailbox }) } else { Err(NotASender) }
    }

    /// The part after the `@`: whose Message-IDs they are.
    fn host(&self) -> &str {
        self.mailbox.email.domain()
    }
}

/// Nobody shall answer it by machine (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Whether an outbox id can stand in a Message-ID and be a file name.
pub(super) fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Composes the message. No text of the mail can add a header or a recipient: the address is parsed as one
/// address, and control characters in the subject become spaces.
///
/// # Errors
/// A sentence when the recipient is no address or the id is not plain: no attempt will ever go better.
pub(super) fn compose(sender: &Sender, id: &str, mail: &RenderedMail) -> Result<Message, String> {
    if !is_plain(id) {
        return Err("the id of a mail has characters that a file name must not have".to_owned());
    }
    let to = mail.to.parse().map_err(|_| "the recipient of a mail is no address".to_owned())?;
    let micros = u64::try_from(mail.date.micros()).unwrap_or(0);
    let subject: String = mail.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Message::builder()
        .from(sender.mailbox.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(format!("<{id}@{}>", sender.host())))
        .header(AutoSubmitted)
        .header(MIME_VERSION_1_0)
        .multipart(
            MultiPart::alternative()
                .boundary(boundary(id))
                .singlepart(SinglePart::plain(mail.text.clone()))
                .singlepart(SinglePart::html(mail.html.clone())),
        )
        .map_err(|error| error.to_string())
}

/// The same at every attempt, and nothing that is written in a text by chance: only who knows the id can write it.
fn boundary(id: &str) -> String {
    hex::lower(&Sha256::digest(id.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use hardening::clock::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn mail(to: &str, subject: &str, text: &str) -> RenderedMail {
        RenderedMail {
            to: to.into(),
            subject: subject.into(),
            text: text.into(),
            html: format!("<p>{text}</p>"),
            link: Some("https://acc.example/x".into()),
            date: Timestamp::from_unix_seconds(1_700_000_000),
        }
    }

    fn composed(mail: &RenderedMail) -> String {
        let sender = Sender::parse("Accounts <no-reply@acc.example>").expect("a sender");
        let message = compose(&sender, "mail_1", mail).expect("composed");
        String::from_utf8(message.formatted()).expect("ASCII")
    }

    /// The names of the headers, folded lines joined.
    fn header_names(message: &str) -> Vec<String> {
        let head = message.split("\r\n\r\n").next().unwrap_or_default();
        let begins = |line: &&str| !line.starts_with([' ', '\t']);
        let lines = head.split("\r\n").filter(begins);
        lines.map(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase()).collect()
    }

    const HEADERS: [&str; 8] =
        ["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"];

    #[test]
    fn it_is_a_complete_message_and_the_same_every_time() {
        let mail = mail("bo@example.com", "Your account was locked", "Hello Bo,\nopen it.\n");
        let text = composed(&mail);
        assert_eq!(header_names(&text), HEADERS);
        for line in [
            "From: Accounts <no-reply@acc.example>\r\n",
            "To: bo@example.com\r\n",
            "Subject: Your account was locked\r\n",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "Message-ID: <mail_1@acc.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains("\r\n\r\nHello Bo,\r\nopen it.\r\n"), "{text}");
        assert_eq!(text, composed(&mail));
    }

    #[test]
    fn what_is_not_ascii_is_encoded() {
        let text = composed(&mail("bo@example.com", "Einladung zu Größe", "Grüße\n"));
        assert!(text.is_ascii() && text.contains("Subject: Einladung zu =?utf-8?"), "{text}");
    }

    #[test]
    fn nobody_slips_in_a_header_or_a_recipient() {
        let sender = Sender::parse("no-reply@acc.example").expect("a sender");
        for to in ["", "bo", "bo@example.com\r\nBcc: eve@example.com", "bo@example.com, eve@example.com"] {
            assert!(compose(&sender, "mail_1", &mail(to, "s", "t")).is_err(), "{to}");
        }
        for id in ["", "../mail", "mail/1", "mail_1>\r\nBcc: eve@example.com", &"m".repeat(129)] {
            assert!(compose(&sender, id, &mail("bo@example.com", "s", "t")).is_err(), "{id}");
        }
        for from in ["", "nobody", "a@b.example\r\nBcc: eve@example.com", "a@exämple.com"] {
            assert_eq!(Sender::parse(from).err(), Some(NotASender), "{from}");
        }
    }

    /// By a reader that knows nothing of the writer.
    #[test]
    fn another_library_reads_both_parts_and_the_headers() {
        let mail = mail(
            "bo@example.com",
            "您的账户有新的登录 – ça va?",
            "第一行\n\nhttps://acc.example/x?token=a=b\n",
        );
        let message = composed(&mail);
        let read = mail_parser::MessageParser::default().parse(message.as_bytes()).expect("a message");
        assert_eq!(read.subject(), Some(mail.subject.as_str()));
        assert_eq!(read.message_id(), Some("mail_1@acc.example"));
        let lines = |text: &str| text.replace("\r\n", "\n");
        assert_eq!(read.body_text(0).map(|text| lines(&text)), Some(mail.text.clone()));
        assert_eq!(read.body_html(0).map(|html| lines(&html)), Some(mail.html.clone()));
        assert_eq!((read.text_body_count(), read.html_body_count(), read.attachment_count()), (1, 1, 0));
        let addresses = |list: Option<&mail_parser::Address<'_>>| {
            let all = list.and_then(|list| list.first()).and_then(|one| one.address()).map(ToOwned::to_owned);
            all.unwrap_or_default()
        };
        assert_eq!(
            (addresses(read.to()), addresses(read.from())),
            (mail.to, "no-reply@acc.example".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_subject_or_text_changes_the_headers(subject in "\\PC*|(?s).{0,300}", text in "(?s).{0,300}") {
            let text = composed(&mail("bo@example.com", &subject, &text));
            prop_assert_eq!(header_names(&text), HEADERS);
        }

        #[test]
        fn a_subject_with_line_ends_stays_one_header(
            before in "[a-zé ]{0,80}", end in "\r\n|\n|\r|\u{2028}|\u{0}", after in "[A-Za-z]{1,10}: [a-z@.]{0,80}",
        ) {
            let text = composed(&mail("bo@example.com", &format!("{before}{end}{after}"), "t"));
            prop_assert_eq!(header_names(&text), HEADERS);
        }
    }
}
