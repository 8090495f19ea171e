//! A mail as people read it: in their language, as plain text and as HTML with the same words.
//!
//! * What others typed is one line of text: control characters become spaces, HTML is escaped by the template.
//! * The HTML loads nothing, runs nothing, and follows the reader's light or dark colours.

use std::time::Duration;

use askama::Template;
use hardening::clock::Timestamp;
use wording::{Language, Value, duration, text};

use super::content::{Content, Mail};
use crate::context::CLI_ADDRESS;
use crate::two_factor::FEW_RECOVERY_CODES;
use crate::two_factor::notices::News;

/// A mail ready to be handed over.
#[derive(Clone)]
pub struct RenderedMail {
    /// One address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The link in it, if there is one, for a development console.
    pub link: Option<String>,
    /// When it was written.
    pub date: Timestamp,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct PlainText<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    letter: &'a Letter,
}

struct Button {
    label: String,
    link: String,
}

/// The parts of a mail, in their order.
struct Letter {
    language: Language,
    subject: String,
    before: Vec<String>,
    /// Names and values.
    details: Vec<(String, String)>,
    button: Option<Button>,
    link_hint: String,
    after: Vec<String>,
    footer: String,
}

impl Mail {
    /// The mail in its language as it is sent at `now`, with links on `public_url`.
    ///
    /// # Panics
    /// Never: writing to a string does not fail.
    pub fn render(&self, public_url: &str, now: Timestamp) -> RenderedMail {
        let link_is_dead = self.link_expires_at.is_some_and(|end| now >= end);
        let language = Language::for_tag(&self.language);
        let letter = Words { mail: self, language, public_url, link_is_dead }.letter();
        let fine = "writing to a string does not fail";
        RenderedMail {
            to: self.recipient.clone(),
            subject: letter.subject.clone(),
            text: PlainText { letter: &letter }.render().expect(fine),
            html: Html { letter: &letter }.render().expect(fine),
            link: letter.button.map(|button| button.link),
            date: self.created_at,
        }
    }
}

/// Finds the words for one mail.
struct Words<'a> {
    mail: &'a Mail,
    language: Language,
    public_url: &'a str,
    link_is_dead: bool,
}

type Args<'a> = Vec<(&'static str, Value<'a>)>;

impl Words<'_> {
    fn letter(&self) -> Letter {
        match &self.mail.content {
            Content::AccountLocked { unlock_token, locked_for_seconds, known_device, ip_address } => {
                let args = vec![self.place(ip_address), self.length(*locked_for_seconds)];
                let what = if *known_device { "device-locked" } else { "account-locked" };
                self.with_button(what, &args, &format!("unlock?token={unlock_token}"))
            }
            Content::PasswordChanged { not_me_token, ip_address } => {
                let args = vec![self.place(ip_address)];
                self.with_button("password-changed", &args, &format!("not-me?token={not_me_token}"))
            }
            Content::PasswordReset { reset_token, valid_for_seconds, ip_address } => {
                let args = vec![self.place(ip_address), self.length(*valid_for_seconds)];
                self.with_button("password-reset", &args, &format!("reset-password?token={reset_token}"))
            }
            Content::Invitation { invitation_token, organization, invited_by, .. } => {
                let args = vec![("organization", typed(organization)), ("inviter", typed(invited_by))];
                let path = format!("invitation?token={invitation_token}");
                // Perhaps there is no account at that address.
                let footer = self.say("mail-automatic-invitation", &vec![self.recipient()]);
                Letter { footer, ..self.with_button("invitation", &args, &path) }
            }
            Content::NewDevice { not_me_token, browser, system, ip_address } => {
                let link = format!("not-me?token={not_me_token}");
                let details = self.about_device(browser, system, ip_address);
                Letter { details, ..self.with_button("new-device", &Vec::new(), &link) }
            }
            Content::SecondFactor { news, ip_address } => self.about_second_factor(*news, ip_address),
            Content::Undeliverable { recipient, subject, answer } => {
                let (recipient, subject) = (("recipient", typed(recipient)), ("subject", typed(subject)));
                self.plain("undeliverable", &vec![recipient, subject, ("answer", typed(answer))])
            }
        }
    }

    fn say(&self, key: &str, args: &Args<'_>) -> String {
        text(self.language, key, args)
    }

    fn plain(&self, name: &str, args: &Args<'_>) -> Letter {
        Letter {
            language: self.language,
            subject: self.say(&format!("mail-{name}-subject"), args),
            before: paragraphs(&self.say(&format!("mail-{name}-body"), args)),
            details: Vec::new(),
            button: None,
            link_hint: self.say("mail-link-hint", &Vec::new()),
            after: Vec::new(),
            footer: self.say("mail-automatic", &vec![self.recipient()]),
        }
    }

    fn with_button(&self, name: &str, args: &Args<'_>, path: &str) -> Letter {
        let after = paragraphs(&self.say(&format!("mail-{name}-after"), &Vec::new()));
        if self.link_is_dead {
            return self.without_button(name, args, after);
        }
        let label = self.say(&format!("mail-{name}-button"), &Vec::new());
        let link = format!("{}/{path}", self.public_url);
        Letter { button: Some(Button { label, link }), after, ..self.plain(name, args) }
    }

    /// News whose link is dead: their last paragraph leads to it. What it would have done is said instead, where that
    /// matters still: a lock for failed sign-ins has ended by itself.
    fn without_button(&self, name: &str, args: &Args<'_>, mut after: Vec<String>) -> Letter {
        let mut letter = self.plain(name, args);
        letter.before.pop();
        if !matches!(self.mail.content, Content::AccountLocked { .. }) {
            after.insert(0, self.say("mail-not-me-advice", &Vec::new()));
        }
        Letter { after, ..letter }
    }

    fn about_second_factor(&self, news: News, ip_address: &str) -> Letter {
        let mut args = vec![self.place(ip_address)];
        let mut after = Vec::new();
        if let News::RecoveryCodeUsed(left) = news {
            args.push(("left", u64::from(left).into()));
            if left <= FEW_RECOVERY_CODES {
                after.push(self.say("mail-recovery-codes-few", &Vec::new()));
            }
        }
        let advice = if news == News::Reset { "mail-two-factor-reset-advice" } else { "mail-not-me-advice" };
        after.push(self.say(advice, &Vec::new()));
        Letter { after, ..self.plain(news.wording(), &args) }
    }

    fn about_device(&self, browser: &str, system: &str, ip_address: &str) -> Vec<(String, String)> {
        let nothing = Vec::new();
        let known =
            |text: &str| (text != "unknown").then(|| plain_name(text)).filter(|text| !text.is_empty());
        let device = match (known(browser), known(system)) {
            (Some(browser), Some(system)) => {
                self.say("mail-device-on", &vec![("browser", browser.into()), ("system", system.into())])
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.say("mail-device-unknown", &nothing),
        };
        vec![
            (self.say("mail-detail-device", &nothing), device),
            (self.say("mail-detail-address", &nothing), one_line(ip_address)),
            (self.say("mail-detail-time", &nothing), minute(self.mail.created_at)),
        ]
    }

    fn recipient(&self) -> (&'static str, Value<'_>) {
        ("address", typed(&self.mail.recipient))
    }

    fn place<'a>(&self, ip_address: &'a str) -> (&'static str, Value<'a>) {
        let place = match ip_address {
            CLI_ADDRESS => self.say("mail-place-command-line", &Vec::new()).into(),
            address => typed(address),
        };
        ("place", place)
    }

    fn length(&self, seconds: u64) -> (&'static str, Value<'static>) {
        ("duration", duration(self.language, Duration::from_secs(seconds)).into())
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").map(|paragraph| paragraph.trim().replace('\n', " ")).collect()
}

fn typed(text: &str) -> Value<'_> {
    one_line(text).into()
}

/// What others typed can begin no line and no paragraph.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect()
}

/// The name of a program or system as it told it itself: nothing in it can look like an address, so that no mail
/// program makes it a link.
fn plain_name(text: &str) -> String {
    let mut after_digit = false;
    let kept = text.chars().filter(|c| {
        let keep = c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_') || (*c == '.' && after_digit);
        after_digit = c.is_ascii_digit();
        keep
    });
    kept.take(60).collect::<String>().trim().to_owned()
}

/// To the minute, understood in every language.
fn minute(at: Timestamp) -> String {
    let at = at.to_offset_date_time();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} UTC",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute()
    )
}
