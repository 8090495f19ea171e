//! [`Arrival`]: what is known of a request while it is on its way: its name and sender at once, who asks once that is
//! found out, and how the limits stand that it took from. In the request's extensions.

use std::sync::{Arc, OnceLock};

use accounts::context::LimitSheet;
use accounts::{Principal, RequestContext};
use hardening::client_address::ClientAddress;
use hardening::rate_limit::Decision;
use hardening_tower::ForwardedHttps;
use hardening_tower::request_id::RequestId;
use hardening_tower::session::SessionState;
use http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Uri};
use wording::Language;

/// Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Arrival(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: RequestId,
    method: Method,
    uri: Uri,
    address: Option<ClientAddress>,
    told_https: bool,
    user_agent: Option<HeaderValue>,
    accept_language: Option<HeaderValue>,
    session: OnceLock<SessionState>,
    limits: OnceLock<LimitSheet>,
}

impl Arrival {
    /// Of a request that was named so and comes from there; over HTTPS, if a trusted proxy says so.
    pub fn new(id: RequestId, parts: &Parts, sender: Option<(ClientAddress, ForwardedHttps)>) -> Self {
        let (address, told_https) = sender.unzip();
        Self(Arc::new(Inner {
            id,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            address,
            told_https: told_https.is_some_and(|told| told.0),
            user_agent: parts.headers.get(USER_AGENT).cloned(),
            accept_language: parts.headers.get(ACCEPT_LANGUAGE).cloned(),
            session: OnceLock::new(),
            limits: OnceLock::new(),
        }))
    }

    /// The language its sender likes best; looked at only when there is something to say.
    pub fn language(&self) -> Language {
        let header = self.0.accept_language.as_ref().and_then(|value| value.to_str().ok());
        header.map(Language::from_accept_language).unwrap_or_default()
    }

    /// The request's name.
    pub fn id(&self) -> &RequestId {
        &self.0.id
    }

    /// What is asked.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Of what.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Whether a trusted proxy says that the client came over HTTPS.
    pub fn told_https(&self) -> bool {
        self.0.told_https
    }

    /// What limits count the address by.
    pub fn address_bucket(&self) -> String {
        self.0.address.map_or_else(|| "unknown".to_owned(), ClientAddress::bucket)
    }

    /// Notes who asks; the first finding stays.
    pub fn found(&self, session: SessionState) {
        let _ = self.0.session.set(session);
    }

    /// Who asks.
    pub fn session(&self) -> &SessionState {
        self.0.session.get().unwrap_or(&SessionState::Anonymous)
    }

    /// The person, where there is a live session.
    pub fn principal(&self) -> Option<Principal> {
        match self.session() {
            SessionState::SignedIn(session, _) => Some(Principal::new(Arc::clone(session))),
            _ => None,
        }
    }

    /// The context for use cases.
    pub fn context(&self) -> RequestContext {
        let ip = self.0.address.map_or_else(|| "unknown".to_owned(), |address| address.ip().to_string());
        let agent = self.0.user_agent.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let agent = agent.map(|text| text.chars().filter(|c| !c.is_control()).collect::<String>());
        let mut context =
            RequestContext::new(self.0.id.as_str(), ip, self.address_bucket(), agent.as_deref());
        context.limits = self.0.limits.get_or_init(LimitSheet::default).clone();
        context
    }

    /// What use cases reported of the limits they took from.
    pub fn limits_reported(&self) -> Option<Decision> {
        self.0.limits.get().and_then(LimitSheet::last)
    }
}
