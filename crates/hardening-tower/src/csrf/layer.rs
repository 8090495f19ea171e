use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hardening::clock::Clock;
use hardening::csrf::{CsrfKeys, CsrfRefusal, OriginPolicy, is_safe_method};
use hardening::session::SessionId;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use tower_layer::Layer;

use super::{CrossOriginService, CsrfPending, CsrfTokenService};
use crate::header_lines::{Single, single};
use crate::session::SessionState;

/// Refuses unsafe requests from other sites.
#[derive(Clone, Debug)]
pub struct CrossOriginLayer {
    policy: Arc<OriginPolicy>,
}

impl CrossOriginLayer {
    /// With the given own and allowed origins.
    pub fn new(policy: OriginPolicy) -> Self {
        Self { policy: Arc::new(policy) }
    }
}

impl CrossOriginLayer {
    /// Whether the request may go on: it is safe, or comes from here as far as a browser can tell.
    pub fn lets_pass(&self, method: &Method, headers: &HeaderMap) -> bool {
        if is_safe_method(method.as_str()) {
            return true;
        }
        let value = |name| match single(headers, name) {
            Single::Absent => Some(None),
            Single::One(value) => Some(Some(value)),
            Single::Repeated => None,
        };
        match (value("sec-fetch-site"), value("origin")) {
            (Some(site), Some(origin)) => self.policy.check(method.as_str(), site, origin).is_ok(),
            _ => false,
        }
    }
}

impl<S> Layer<S> for CrossOriginLayer {
    type Service = CrossOriginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CrossOriginService { inner, layer: self.clone() }
    }
}

type FormRoutes = dyn Fn(&Parts) -> bool + Send + Sync;

const HEADER: &str = "x-csrf-token";

/// Demands the session's CSRF token of every unsafe request that rides on a session.
#[derive(Clone)]
pub struct CsrfTokenLayer {
    keys: Arc<CsrfKeys>,
    clock: Arc<dyn Clock>,
    form_routes: Option<Arc<FormRoutes>>,
}

impl CsrfTokenLayer {
    /// Demands the header everywhere.
    pub fn new(keys: Arc<CsrfKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { keys, clock, form_routes: None }
    }

    /// Lets forms (`application/x-www-form-urlencoded`, `multipart/form-data`) without the header go on to
    /// handlers that check the field themselves. Name only routes whose handlers do.
    #[must_use]
    pub fn form_field_where(mut self, routes: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.form_routes = Some(Arc::new(routes));
        self
    }
}

impl CsrfTokenLayer {
    /// What must still be checked by the handler, if anything. Needs [`SessionState`] in the extensions.
    ///
    /// # Errors
    /// When the token is missing, not this session's, or too old.
    pub fn check(&self, parts: &Parts) -> Result<Option<CsrfPending>, CsrfRefusal> {
        let Some(SessionState::SignedIn(session, _)) = parts.extensions.get::<SessionState>() else {
            return Ok(None);
        };
        match self.check_header(parts, Some(&session.id)) {
            Err(CsrfRefusal::Missing) if self.is_form_route(parts) && !parts.headers.contains_key(HEADER) => {
                Ok(Some(CsrfPending {
                    keys: Arc::clone(&self.keys),
                    clock: Arc::clone(&self.clock),
                    session: session.id.clone(),
                    checked: Arc::new(AtomicBool::new(false)),
                }))
            }
            checked => checked.map(|()| None),
        }
    }

    /// The same for an application that knows the session by itself, and has no forms without the header.
    ///
    /// # Errors
    /// As [`CsrfTokenLayer::check`].
    pub fn check_header(&self, parts: &Parts, session: Option<&SessionId>) -> Result<(), CsrfRefusal> {
        let Some(session) = session.filter(|_| !is_safe_method(parts.method.as_str())) else { return Ok(()) };
        let token = match single(&parts.headers, HEADER) {
            Single::Absent => return Err(CsrfRefusal::Missing),
            Single::Repeated => return Err(CsrfRefusal::Invalid),
            Single::One(value) => std::str::from_utf8(value).map_err(|_| CsrfRefusal::Invalid)?,
        };
        self.keys.verify(Some(token), session, self.clock.now())
    }

    fn is_form_route(&self, parts: &Parts) -> bool {
        self.form_routes.as_ref().is_some_and(|routes| is_form(&parts.headers) && routes(parts))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let Single::One(value) = single(headers, CONTENT_TYPE) else { return false };
    let essence = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        || essence.eq_ignore_ascii_case(b"multipart/form-data")
}

impl fmt::Debug for CsrfTokenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfTokenLayer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for CsrfTokenLayer {
    type Service = CsrfTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfTokenService { inner, layer: self.clone() }
    }
}
