use std::fmt;
use std::sync::Arc;

use hardening::clock::Clock;
use hardening::session::SessionStore;
use hardening::session::token::TokenKeys;
use http::request::Parts;
use tower_layer::Layer;

use super::{SessionService, Transport};

/// Resumes sessions.
#[derive(Clone)]
pub struct SessionLayer {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) tokens: TokenKeys,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cookie_name: String,
    pub(super) transport: Box<dyn Fn(&Parts) -> Transport + Send + Sync>,
}

impl SessionLayer {
    /// `transport` says how a session may travel with this request; `cookie_name` is the session cookie's
    /// exact name.
    pub fn new(
        tokens: TokenKeys,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        cookie_name: impl Into<String>,
        transport: impl Fn(&Parts) -> Transport + Send + Sync + 'static,
    ) -> Self {
        let (cookie_name, transport) = (cookie_name.into(), Box::new(transport));
        Self { shared: Arc::new(Shared { tokens, store, clock, cookie_name, transport }) }
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, shared: Arc::clone(&self.shared) }
    }
}
