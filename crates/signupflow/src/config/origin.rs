//! [`Origin`]: scheme, host and port, nothing else.

use std::fmt;
use std::net::SocketAddr;

use url::Url;

/// An http or https origin (RFC 6454) in the form that browsers send: `https://app.example:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// From text; a lone slash at the end is dropped, case and default ports are normalised.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("its scheme is neither http nor https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or password".to_owned());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("it has a path, query or fragment".to_owned());
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The plain-http origin under which a browser on the same machine reaches a listener.
    pub fn of_listener(address: SocketAddr) -> Self {
        let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { host_of(address) };
        let port = match address.port() {
            80 => String::new(),
            port => format!(":{port}"),
        };
        Self(format!("http://{host}{port}"))
    }

    /// As text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host without scheme and port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }
}

fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalised() {
        for (text, origin, host) in [
            ("https://App.Example/", "https://app.example", "app.example"),
            ("https://app.example:443", "https://app.example", "app.example"),
            ("http://localhost:8000", "http://localhost:8000", "localhost"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]"),
            ("https://[::1]", "https://[::1]", "[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            let parsed = Origin::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.host()), (origin, host));
        }
    }

    #[test]
    fn what_is_more_than_an_origin_is_refused() {
        for bad in [
            "",
            "*",
            "null",
            "app.example",
            "ftp://app.example",
            "https://",
            "https://app.example/app",
            "https://app.example?x",
            "https://app.example/#x",
            "https://me@app.example",
            "https://:pw@app.example",
            "https://app.example:99999",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_listener_has_an_origin() {
        for (address, origin) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("0.0.0.0:80", "http://localhost"),
            ("[::]:8000", "http://localhost:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
        ] {
            let made = Origin::of_listener(address.parse().unwrap());
            assert_eq!(made.as_str(), origin);
            assert_eq!(Origin::parse(origin).unwrap(), made);
        }
    }
}
