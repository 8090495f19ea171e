//! Outgoing mail.

use std::net::IpAddr;

use backends::mail::{Sender, SmtpMailer, SmtpTarget};

use super::network::Network;
use super::reader::Reader;
use super::variable::Allowed::Text;
use super::variable::Fallback::Derived;
use super::variable::{Section, Variable};

const SMTP_URL: Variable = Variable {
    name: "SMTP_URL",
    section: Section::Mail,
    allowed: Text("smtp://[user:password@]host[:port] (STARTTLS; ?tls=off for none) or smtps://… (TLS)"),
    default: Derived("mails are files in `DATA_DIR/outbox/`; needed in production"),
    example: "smtp://user:password@smtp.example.org:587",
    description: "The mail server. `smtp://` demands STARTTLS, except on a loopback address or with `?tls=off`. \
                  Special characters in user and password are percent-encoded. The server's certificate is verified, \
                  by the system's authorities or with `?sslrootcert=FILE` by those in a PEM file.",
    secret: true,
};
const MAIL_FROM: Variable = Variable {
    name: "MAIL_FROM",
    section: Section::Mail,
    allowed: Text("an address, or a name with an address in angle brackets"),
    default: Derived(
        "`SignUpFlow <no-reply@HOST>`, with the host of `PUBLIC_URL`, `localhost` for an address",
    ),
    example: "SignUpFlow <no-reply@example.org>",
    description: "The sender of every mail.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[&SMTP_URL, &MAIL_FROM];

/// Outgoing mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `SMTP_URL`; without it mails are files.
    pub smtp: Option<SmtpTarget>,
    /// `MAIL_FROM`.
    pub from: String,
}

pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Mail {
    let errors = reader.errors.len();
    let smtp = reader.parsed(&SMTP_URL, |text| {
        let target = SmtpTarget::parse(text)?;
        SmtpMailer::judge(&target).map(|()| target)
    });
    if smtp.is_none() && reader.in_production() && reader.errors.len() == errors {
        reader.wrong(&SMTP_URL, None, "production does not write mails to files");
    }
    if smtp.as_ref().is_some_and(SmtpTarget::is_in_the_clear) {
        reader.warn("SMTP_URL has tls=off: mails, with reset links in them, travel in the clear");
    }
    let derived = format!("SignUpFlow <no-reply@{}>", mail_domain(network));
    if reader.text_unchecked(&MAIL_FROM).is_none() && Sender::parse(&derived).is_err() {
        let reason = "the host of PUBLIC_URL cannot stand in a mail address, so it must be set";
        reader.wrong(&MAIL_FROM, None, reason);
    }
    let from = reader.parsed(&MAIL_FROM, parse_sender);
    Mail { smtp, from: from.unwrap_or(derived) }
}

/// The host of our address as the domain of a mailbox. An address is no domain that mail programs agree on,
/// so that a server known only by address writes from `localhost`.
fn mail_domain(network: &Network) -> &str {
    let host = network.public_url.host();
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() { "localhost" } else { host }
}

fn parse_sender(text: &str) -> Result<String, String> {
    let (name, address) = match text.strip_suffix('>').map(|rest| rest.rsplit_once('<')) {
        Some(Some((name, address))) => (name, address),
        Some(None) => return Err("the angle brackets do not match".to_owned()),
        None => ("", text),
    };
    let sound = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>@,;".contains(c))
    };
    match address.rsplit_once('@') {
        Some((local, domain)) if sound(local) && sound(domain) => {}
        _ => return Err("there is no mail address in it".to_owned()),
    }
    if name.contains(|c: char| c.is_control() || "<>@,;".contains(c)) {
        return Err("the name before the address contains a character that may not stand there".to_owned());
    }
    Sender::parse(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders() {
        for good in ["a@b.example", "<a@b.example>", "Sign Up <a@b.example>", "Ünal <a@localhost>"] {
            assert!(parse_sender(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "nobody",
            "a@",
            "@b",
            "a@b, c@d",
            "A <a@b",
            "A a@b>",
            "A\r\nBcc: x <a@b>",
            "A <a@b> x",
            "é@b.example",
            "a..b@b.example",
        ] {
            assert!(parse_sender(bad).is_err(), "{bad}");
        }
    }
}
