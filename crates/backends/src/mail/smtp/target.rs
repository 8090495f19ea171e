//! What `SMTP_URL` says.

use std::net::IpAddr;
use std::path::PathBuf;

use hardening::secret::Secret;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

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
pub struct SmtpTarget {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port: 587, or 465 with `smtps://`, unless given.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// User and password.
    pub credentials: Option<(String, Secret<String>)>,
    /// The file of authorities that vouch for the server; without it the system's.
    pub authorities: Option<PathBuf>,
}

impl SmtpTarget {
    /// Reads `smtp://[user:password@]host[:port][?tls=off]` and `smtps://…`, both with `?sslrootcert=FILE`.
    ///
    /// # Errors
    /// A sentence without the URL or a part of it.
    pub fn parse(text: &str) -> Result<Self, String> {
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
        let Options { off, authorities } = Options::of(&url)?;
        let security = match (tls, off) {
            (true, true) => return Err("smtps:// and tls=off contradict each other".to_owned()),
            (true, false) => SmtpSecurity::Tls,
            (false, true) => SmtpSecurity::Plain,
            // Whoever names an authority wants to be sure of the server, here too.
            (false, false) if is_loopback(&host) && authorities.is_none() => SmtpSecurity::Plain,
            (false, false) => SmtpSecurity::StartTls,
        };
        if security == SmtpSecurity::Plain && authorities.is_some() {
            return Err("tls=off and sslrootcert contradict each other".to_owned());
        }
        let port = url.port().unwrap_or(if tls { 465 } else { 587 });
        Ok(Self { host, port, security, credentials: credentials(&url)?, authorities })
    }

    /// Whether mails, and the password, go to another machine in the clear.
    pub fn is_in_the_clear(&self) -> bool {
        self.security == SmtpSecurity::Plain && !is_loopback(&self.host)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[derive(Default)]
struct Options {
    off: bool,
    authorities: Option<PathBuf>,
}

impl Options {
    fn of(url: &Url) -> Result<Self, String> {
        let mut options = Self::default();
        for (key, value) in url.query_pairs() {
            match (&*key, &*value) {
                ("tls", "off") => options.off = true,
                ("sslrootcert", file) if !file.is_empty() => options.authorities = Some(file.into()),
                _ => return Err("the only options it may have are tls=off and sslrootcert=FILE".to_owned()),
            }
        }
        Ok(options)
    }
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
            ("smtp://127.0.0.1:1025?sslrootcert=/ca.pem", "127.0.0.1", 1025, StartTls, None),
            ("smtp://[::1]:1025", "::1", 1025, Plain, None),
            ("smtp://10.0.0.1", "10.0.0.1", 587, StartTls, None),
            ("smtps://mail.example", "mail.example", 465, Tls, None),
            ("smtps://127.0.0.1:4650?sslrootcert=/a%20b.pem", "127.0.0.1", 4650, Tls, None),
        ] {
            let smtp = SmtpTarget::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), (host, port, security), "{text}");
            let credentials = smtp.credentials.as_ref().map(|(u, p)| (u.as_str(), p.expose().as_str()));
            assert_eq!(credentials, user, "{text}");
            assert_eq!(smtp.authorities.is_some(), text.contains("sslrootcert"), "{text}");
        }
        assert_eq!(
            SmtpTarget::parse("smtps://h?sslrootcert=/a%20b.pem").unwrap().authorities,
            Some("/a b.pem".into())
        );
    }

    #[test]
    fn only_other_machines_count_as_in_the_clear() {
        let clear = |url: &str| SmtpTarget::parse(url).unwrap().is_in_the_clear();
        assert!(clear("smtp://mail.example?tls=off"));
        assert!(
            !clear("smtp://localhost") && !clear("smtp://mail.example") && !clear("smtps://mail.example")
        );
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
            "smtp://h?sslrootcert=",
            "smtp://h?tls=off&sslrootcert=/ca.pem",
            "smtps://h?tls=off",
            "smtp://user@h",
            "smtp://:hunter2@h",
            "smtp://h:99999",
        ] {
            let error = SmtpTarget::parse(bad).expect_err(bad);
            assert!(!error.contains("hunter2"));
        }
    }
}
