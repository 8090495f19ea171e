//! The security headers of every response: pages, JSON, files, refusals.
//!
//! * One policy for all. `script-src 'self'` needs no nonce as no page carries a script of its own in the
//!   text; there is no `unsafe-inline` and no `unsafe-eval` (OWASP Content Security Policy cheat sheet).
//! * Trusted Types are required and none is allowed: scripts build their pages without `innerHTML` and its
//!   kin (ASVS 5.0, 3.2.2).
//! * `X-XSS-Protection` is left out: where it still works it does harm.
//! * HSTS only over HTTPS (RFC 6797, 7.2), so it is kept apart in [`SecurityHeaders::hsts`].
//!
//! ```
//! use hardening::headers::{HeaderSettings, SecurityHeaders};
//! let headers = SecurityHeaders::new(&HeaderSettings::default());
//! assert!(headers.always().iter().any(|(name, value)| *name == "x-frame-options" && value == "DENY"));
//! assert_eq!(headers.hsts().1, "max-age=31536000");
//! ```

use std::time::Duration;

const CONTENT_SECURITY_POLICY: &[&str] = &[
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
];

/// What no page of ours needs, switched off; passkeys are kept for the own origin.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), \
     geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), \
     publickey-credentials-create=(self), publickey-credentials-get=(self)";

/// What an operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSettings {
    /// How long browsers remember to come over HTTPS only. Zero makes them forget.
    pub hsts_max_age: Duration,
    /// Whether that holds for every subdomain as well.
    pub include_subdomains: bool,
    /// Where browsers report violations of the content policy; a path of the own origin.
    pub csp_report_path: Option<String>,
}

impl Default for HeaderSettings {
    /// One year, this host only, no reports.
    fn default() -> Self {
        Self {
            hsts_max_age: Duration::from_hours(365 * 24),
            include_subdomains: false,
            csp_report_path: None,
        }
    }
}

/// The headers, built once. Names are in lower case, values are plain ASCII.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    always: Vec<(&'static str, String)>,
    hsts: (&'static str, String),
}

impl SecurityHeaders {
    /// Builds them. A report path with characters that would end the directive is left out.
    pub fn new(settings: &HeaderSettings) -> Self {
        let report_path = settings.csp_report_path.as_deref().filter(|path| is_plain_path(path));
        let mut always: Vec<(&'static str, String)> = vec![
            ("content-security-policy", content_security_policy(report_path)),
            ("x-frame-options", "DENY".into()),
            ("x-content-type-options", "nosniff".into()),
            ("referrer-policy", "no-referrer".into()),
            ("permissions-policy", PERMISSIONS_POLICY.into()),
            ("cross-origin-opener-policy", "same-origin".into()),
            ("cross-origin-embedder-policy", "require-corp".into()),
            ("cross-origin-resource-policy", "same-origin".into()),
        ];
        if let Some(path) = report_path {
            always.push(("reporting-endpoints", format!("csp=\"{path}\"")));
        }
        let subdomains = if settings.include_subdomains { "; includeSubDomains" } else { "" };
        let max_age = settings.hsts_max_age.as_secs();
        Self { always, hsts: ("strict-transport-security", format!("max-age={max_age}{subdomains}")) }
    }

    /// Those that every response carries.
    pub fn always(&self) -> &[(&'static str, String)] {
        &self.always
    }

    /// The one for responses over HTTPS only.
    pub const fn hsts(&self) -> &(&'static str, String) {
        &self.hsts
    }
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b))
}

fn content_security_policy(report_path: Option<&str>) -> String {
    let mut policy = CONTENT_SECURITY_POLICY.join("; ");
    if let Some(path) = report_path {
        // Both, as not every browser knows the newer `report-to`.
        policy.push_str("; report-uri ");
        policy.push_str(path);
        policy.push_str("; report-to csp");
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of<'a>(headers: &'a SecurityHeaders, name: &str) -> Option<&'a str> {
        headers.always().iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    #[test]
    fn the_policy_starts_as_promised_and_has_no_unsafe_word() {
        let headers = SecurityHeaders::new(&HeaderSettings::default());
        let policy = value_of(&headers, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'; "));
        for part in ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.split("; ").any(|p| p == part), "{part}");
        }
        for word in ["unsafe", "data:", "http:", "*", "report"] {
            assert!(!policy.contains(word), "{word}");
        }
    }

    #[test]
    fn every_header_of_the_contract_is_there_once_and_is_plain() {
        let headers = SecurityHeaders::new(&HeaderSettings {
            csp_report_path: Some("/api/csp-reports".into()),
            ..HeaderSettings::default()
        });
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("reporting-endpoints", "csp=\"/api/csp-reports\""),
        ] {
            assert_eq!(value_of(&headers, name), Some(value));
        }
        assert!(value_of(&headers, "permissions-policy").unwrap().contains("camera=()"));
        assert!(value_of(&headers, "content-security-policy").unwrap().ends_with("report-to csp"));
        assert_eq!(value_of(&headers, "x-xss-protection"), None);
        let mut names: Vec<_> = headers.always().iter().map(|(n, _)| *n).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for (name, value) in headers.always() {
            assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)), "{name}");
            assert!(!value.contains("  "), "{name}");
        }
    }

    #[test]
    fn hsts_says_what_was_set() {
        let hsts = |secs, include_subdomains| {
            let hsts_max_age = Duration::from_secs(secs);
            let settings = HeaderSettings { hsts_max_age, include_subdomains, ..HeaderSettings::default() };
            SecurityHeaders::new(&settings).hsts().1.clone()
        };
        assert_eq!(hsts(31_536_000, true), "max-age=31536000; includeSubDomains");
        assert_eq!(hsts(0, false), "max-age=0");
    }

    #[test]
    fn a_report_path_cannot_add_directives() {
        for bad in [
            "/x; script-src *",
            "/x\r\nset-cookie: a=b",
            "//evil.example/x",
            "https://evil.example",
            "/a\"b",
            "",
        ] {
            let settings = HeaderSettings { csp_report_path: Some(bad.into()), ..HeaderSettings::default() };
            let headers = SecurityHeaders::new(&settings);
            assert_eq!(value_of(&headers, "reporting-endpoints"), None, "{bad}");
        }
    }
}
