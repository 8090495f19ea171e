//! Outgoing mail.

use std::net::IpAddr;

use hardening::secret::Secret;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

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
                  Special characters in user and password are percent-encoded.",
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

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// STARTTLS or no mail.
    StartTls,
    /// None: a loopback address, or `?tls=off`.
    Plain,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port: 587, or 465 with `smtps://`, unless given.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// User and password.
    pub credentials: Option<(String, Secret<String>)>,
}

/// Outgoing mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `SMTP_URL`; without it mails are files.
    pub smtp: Option<Smtp>,
    /// `MAIL_FROM`.
    pub from: String,
}

pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Mail {
    let errors = reader.errors.len();
    let smtp = reader.parsed(&SMTP_URL, parse);
    if smtp.is_none() && reader.in_production() && reader.errors.len() == errors {
        reader.wrong(&SMTP_URL, None, "production does not write mails to files");
    }
    if let Some(Smtp { host, security: SmtpSecurity::Plain, .. }) = &smtp
        && !is_loopback(host)
    {
        reader.warn("SMTP_URL has tls=off: mails, with reset links in them, travel in the clear");
    }
    let from = reader.parsed(&MAIL_FROM, parse_sender);
    Mail { smtp, from: from.unwrap_or_else(|| format!("SignUpFlow <no-reply@{}>", mail_domain(network))) }
}

/// The host of our address as the domain of a mailbox. An address is no domain that mail programs agree on,
/// so that a server known only by address writes from `localhost`.
fn mail_domain(network: &Network) -> &str {
    let host = network.public_url.host();
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() { "localhost" } else { host }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn parse(text: &str) -> Result<Smtp, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    let tls = match url.scheme() {
        "smtp" => false,
        "smtps" => true,
        _ => return Err("its scheme is neither smtp nor smtps".to_owned()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err("it has a path or a fragment".to_owned());
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => decoded(name)?.to_ascii_lowercase(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err("it names no host".to_owned()),
    };
    let off = tls_off(&url)?;
    let security = match (tls, off) {
        (true, true) => return Err("smtps:// and tls=off contradict each other".to_owned()),
        (true, false) => SmtpSecurity::Tls,
        (false, true) => SmtpSecurity::Plain,
        (false, false) if is_loopback(&host) => SmtpSecurity::Plain,
        (false, false) => SmtpSecurity::StartTls,
    };
    let port = url.port().unwrap_or(if tls { 465 } else { 587 });
    Ok(Smtp { host, port, security, credentials: credentials(&url)? })
}

fn tls_off(url: &Url) -> Result<bool, String> {
    let mut off = false;
    for (key, value) in url.query_pairs() {
        match (&*key, &*value) {
            ("tls", "off") => off = true,
            _ => return Err("the only option it may have is ?tls=off".to_owned()),
        }
    }
    Ok(off)
}

fn credentials(url: &Url) -> Result<Option<(String, Secret<String>)>, String> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err("it has only one of user and password".to_owned()),
        (user, Some(password)) => Ok(Some((decoded(user)?, Secret::new(decoded(password)?)))),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| "an escape in it is not UTF-8".to_owned())
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
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use SmtpSecurity::{Plain, StartTls, Tls};

    #[test]
    fn urls() {
        for (text, host, port, security, user) in [
            ("smtp://mail.example", "mail.example", 587, StartTls, None),
            ("smtp://u%40d:p%3Aw@mail.example:25", "mail.example", 25, StartTls, Some(("u@d", "p:w"))),
            ("smtp://mail.example?tls=off", "mail.example", 587, Plain, None),
            ("smtp://localhost:1025", "localhost", 1025, Plain, None),
            ("smtp://127.0.0.1:1025/", "127.0.0.1", 1025, Plain, None),
            ("smtp://[::1]:1025", "::1", 1025, Plain, None),
            ("smtp://10.0.0.1", "10.0.0.1", 587, StartTls, None),
            ("smtps://mail.example", "mail.example", 465, Tls, None),
            ("smtps://127.0.0.1:4650", "127.0.0.1", 4650, Tls, None),
        ] {
            let smtp = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), (host, port, security), "{text}");
            let credentials = smtp.credentials.as_ref().map(|(u, p)| (u.as_str(), p.expose().as_str()));
            assert_eq!(credentials, user, "{text}");
        }
    }

    #[test]
    fn other_things_are_refused() {
        for bad in [
            "",
            "mail.example:25",
            "http://mail.example",
            "smtp://",
            "smtp://h/path",
            "smtp://h?tls=on",
            "smtp://h?tls=off&x=1",
            "smtps://h?tls=off",
            "smtp://user@h",
            "smtp://:pw@h",
            "smtp://h:99999",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn senders() {
        for good in ["a@b.example", "<a@b.example>", "Sign Up <a@b.example>", "Ünal <a@localhost>"] {
            assert!(parse_sender(good).is_ok(), "{good}");
        }
        for bad in
            ["", "nobody", "a@", "@b", "a@b, c@d", "A <a@b", "A a@b>", "A\r\nBcc: x <a@b>", "A <a@b> x"]
        {
            assert!(parse_sender(bad).is_err(), "{bad}");
        }
    }
}
