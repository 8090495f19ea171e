//! Who asks, and from where.

use std::sync::{Arc, Mutex, PoisonError};

use hardening::audit::ERASED;
use hardening::idempotency::Receipt;
use hardening::rate_limit::Decision;
use hardening::session::{ClientDescription, Session};

use crate::error::Refusal;
use crate::services::Services;

/// The longest user agent that is kept, in characters.
const USER_AGENT_KEPT: usize = 512;

/// What stands for the address of the command line.
pub const CLI_ADDRESS: &str = "cli";

/// What a use case needs to know of the request it serves.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// For audit rows and logs.
    pub request_id: String,
    /// The client's address as text, as decided by the client-address rule; [`CLI_ADDRESS`] for the
    /// command line.
    pub ip_address: String,
    /// What limits count an address by (IPv6: its /64).
    pub address_bucket: String,
    /// The client's own description, shortened.
    pub user_agent: Option<String>,
    /// Where use cases report the limits they took from, for the response's headers.
    pub limits: LimitSheet,
    /// What the change leaves of the request, where the client may ask for it again.
    pub receipt: Option<Receipt>,
}

impl RequestContext {
    /// A context; the user agent is cut to 512 characters.
    pub fn new(
        request_id: impl Into<String>,
        ip_address: impl Into<String>,
        address_bucket: impl Into<String>,
        user_agent: Option<&str>,
    ) -> Self {
        Self {
            request_id: request_id.into(),
            ip_address: ip_address.into(),
            address_bucket: address_bucket.into(),
            user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_KEPT).collect()),
            limits: LimitSheet::default(),
            receipt: None,
        }
    }

    /// The same request without what tells who sent it, for the event of the sender's own erasure.
    #[must_use]
    pub fn without_sender(&self) -> Self {
        Self { ip_address: ERASED.to_owned(), user_agent: None, ..self.clone() }
    }

    /// The same request for a change that is not the last one it asks for: only that one leaves the receipt.
    #[must_use]
    pub fn without_receipt(&self) -> Self {
        Self { receipt: None, ..self.clone() }
    }

    /// What the client says it is.
    pub fn client(&self) -> ClientDescription {
        describe_client(self.user_agent.as_deref(), &self.ip_address)
    }
}

/// How the limits stand that a request took from.
#[derive(Clone, Debug, Default)]
pub struct LimitSheet(Arc<Mutex<Option<Decision>>>);

impl LimitSheet {
    /// Reports how the limits stand; a later report replaces an earlier one.
    pub fn report(&self, decision: Decision) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(decision);
    }

    /// The last report.
    pub fn last(&self) -> Option<Decision> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe_client(user_agent: Option<&str>, ip_address: &str) -> ClientDescription {
    let parsed = user_agent.and_then(|text| woothee::parser::Parser::new().parse(text));
    let known =
        |text: &str| if text == woothee::woothee::VALUE_UNKNOWN { String::new() } else { text.to_owned() };
    let (device_type, browser, os) = match parsed {
        Some(found) => {
            let device = match found.category {
                "pc" => "desktop",
                "smartphone" | "mobilephone" => "mobile",
                "crawler" | "misc" => "api",
                _ => "unknown",
            };
            let browser = format!("{} {}", known(found.name), known(found.version));
            let os = format!("{} {}", known(found.os), known(&found.os_version));
            (device, browser.trim().to_owned(), os.trim().to_owned())
        }
        None => match user_agent {
            // Tools name themselves `product/version …` (RFC 9110, 10.1.5).
            Some(text) => (
                "api",
                text.split_whitespace().next().unwrap_or("").chars().take(60).collect(),
                String::new(),
            ),
            None => ("unknown", String::new(), String::new()),
        },
    };
    let or_unknown = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
    ClientDescription {
        device_type: device_type.to_owned(),
        browser: or_unknown(browser),
        os: or_unknown(os),
        ip_address: ip_address.to_owned(),
    }
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The live session.
    pub session: Arc<Session>,
}

impl Principal {
    /// The one who holds this session.
    pub const fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Person id.
    pub fn person_id(&self) -> &str {
        &self.session.person_id
    }

    /// Organization id.
    pub fn org_id(&self) -> &str {
        &self.session.org_id
    }

    /// Whether the roles hold `admin`.
    pub fn is_admin(&self) -> bool {
        self.session.roles.iter().any(|role| role == "admin")
    }

    /// Admins only.
    pub fn require_admin(&self) -> Result<(), Refusal> {
        if self.is_admin() { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// Admins only, with a password given at most ten minutes ago.
    pub fn require_fresh_admin(&self, services: &Services) -> Result<(), Refusal> {
        self.require_admin()?;
        self.require_fresh(services)
    }

    /// A password given at most ten minutes ago (ASVS 5.0, 7.5.1).
    pub fn require_fresh(&self, services: &Services) -> Result<(), Refusal> {
        let fresh = self.session.is_fresh(services.clock.now(), services.settings.freshness);
        if fresh { Ok(()) } else { Err(Refusal::StepUpRequired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_tools_are_described() {
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
        let seen = describe_client(Some(phone), "192.0.2.1");
        assert_eq!((seen.device_type.as_str(), seen.ip_address.as_str()), ("mobile", "192.0.2.1"));
        assert!(seen.browser.starts_with("Safari"), "{seen:?}");
        assert_eq!(describe_client(Some("my-tool/1.0 (x)"), "").browser, "my-tool/1.0");
        assert_eq!(describe_client(None, "").device_type, "unknown");
    }

    #[test]
    fn a_long_user_agent_is_cut() {
        let context = RequestContext::new("r", "i", "i", Some(&"é".repeat(70_000)));
        assert_eq!(context.user_agent.map(|t| t.chars().count()), Some(512));
    }
}
