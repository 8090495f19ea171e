//! Where a request comes from, as the browser says.

use idna::AsciiDenyList;

/// A request that changes something came from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the request comes from another site")]
pub struct CrossOrigin;

/// Whether the method only reads (RFC 9110, 9.2.1). Names are case-sensitive; TRACE is not on the list, as
/// nothing here answers it.
pub fn is_safe_method(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Decides by the headers that only browsers can set (W3C Fetch Metadata; RFC 6454).
///
/// In this order: a safe method passes · `Sec-Fetch-Site: same-origin` or `none` passes · an `Origin` that
/// is our own or an allowed one passes · neither header at all passes (not a browser) · all else is refused,
/// `same-site` and `Origin: null` too.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    accepted: Vec<String>,
}

impl OriginPolicy {
    /// `own_origin` and `allowed` as in `https://app.example:8443`; a path is ignored, case and default
    /// ports are brought into the form that browsers send. What is not an http(s) origin accepts nothing.
    #[expect(clippy::needless_pass_by_value, reason = "the policy is built once, from owned configuration")]
    pub fn new(own_origin: String, allowed: Vec<String>) -> Self {
        let accepted = std::iter::once(&own_origin).chain(&allowed).filter_map(|o| normalise(o)).collect();
        Self { accepted }
    }

    /// The decision. Pass `None` only for a header that is not there; a header that comes twice must be
    /// refused by the caller.
    ///
    /// # Errors
    /// [`CrossOrigin`] when the request must not be carried out.
    pub fn check(
        &self,
        method: &str,
        sec_fetch_site: Option<&[u8]>,
        origin: Option<&[u8]>,
    ) -> Result<(), CrossOrigin> {
        if is_safe_method(method) {
            return Ok(());
        }
        match (sec_fetch_site, origin) {
            (Some(b"same-origin" | b"none"), _) | (None, None) => Ok(()),
            (_, Some(origin)) if self.accepts(origin) => Ok(()),
            _ => Err(CrossOrigin),
        }
    }

    /// Whether an `Origin` is our own or an allowed one, byte for byte.
    pub fn accepts(&self, origin: &[u8]) -> bool {
        self.accepted.iter().any(|accepted| accepted.as_bytes() == origin)
    }
}

/// `scheme://host[:port]` as a browser would send it.
fn normalise(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host = if let Some(v6) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        format!("[{}]", v6.parse::<std::net::Ipv6Addr>().ok()?)
    } else {
        idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::URL).ok()?.into_owned()
    };
    if host.is_empty() {
        return None;
    }
    match port {
        None | Some("") => Some(format!("{scheme}://{host}")),
        Some(port) if port == default_port => Some(format!("{scheme}://{host}")),
        Some(port) => Some(format!("{scheme}://{host}:{}", port.parse::<u16>().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> OriginPolicy {
        OriginPolicy::new("https://app.example".into(), vec!["https://partner.example:8443".into()])
    }

    /// Every cell of {method} × {Sec-Fetch-Site} × {Origin}: only the designed ones pass.
    #[test]
    fn the_whole_matrix() {
        let sites: [Option<&[u8]>; 8] = [
            None,
            Some(b"same-origin"),
            Some(b"none"),
            Some(b"same-site"),
            Some(b"cross-site"),
            Some(b""),
            Some(b"Same-Origin"),
            Some(b"same-origin, cross-site"),
        ];
        let origins: [Option<&[u8]>; 12] = [
            None,
            Some(b"https://app.example"),
            Some(b"https://partner.example:8443"),
            Some(b"null"),
            Some(b""),
            Some(b"https://evil.example"),
            Some(b"http://app.example"),
            Some(b"https://app.example:8443"),
            Some(b"https://partner.example"),
            Some(b"https://app.example.evil.example"),
            Some(b"https://app.example/"),
            Some(b"https://app.example\xff"),
        ];
        for method in ["POST", "PUT", "PATCH", "DELETE", "get", "QUERY", "TRACE"] {
            for (s, site) in sites.iter().enumerate() {
                for (o, origin) in origins.iter().enumerate() {
                    let by_design = matches!(s, 1 | 2) || matches!(o, 1 | 2) || (s, o) == (0, 0);
                    let passes = policy().check(method, *site, *origin).is_ok();
                    assert_eq!(passes, by_design, "{method} site {s} origin {o}");
                }
            }
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(policy().check(method, Some(b"cross-site"), Some(b"https://evil.example")), Ok(()));
        }
    }

    #[test]
    fn configured_origins_are_brought_into_the_browsers_form() {
        for (configured, sent) in [
            ("https://App.Example/", "https://app.example"),
            ("https://app.example:443/base/path?x#y", "https://app.example"),
            ("http://localhost:80", "http://localhost"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("http://[0:0::1]", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("HTTPS://app.example:8443", "https://app.example:8443"),
        ] {
            assert_eq!(normalise(configured).as_deref(), Some(sent), "{configured}");
        }
    }

    #[test]
    fn nonsense_in_the_configuration_accepts_nothing() {
        for bad in
            ["", "*", "null", "app.example", "ftp://a.example", "https://", "https://a@b", "https://a:x"]
        {
            let policy = OriginPolicy::new(bad.into(), vec![]);
            assert!(policy.accepted.is_empty(), "{bad}");
            assert_eq!(policy.check("POST", None, Some(bad.as_bytes())), Err(CrossOrigin));
        }
    }
}
