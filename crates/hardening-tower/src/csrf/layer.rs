use std::fmt;
use std::sync::Arc;

use hardening::clock::Clock;
use hardening::csrf::{CsrfKeys, OriginPolicy};
use http::request::Parts;
use tower_layer::Layer;

use super::{CrossOriginService, CsrfTokenService};

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

impl<S> Layer<S> for CrossOriginLayer {
    type Service = CrossOriginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CrossOriginService { inner, policy: Arc::clone(&self.policy) }
    }
}

pub(super) type FormRoutes = dyn Fn(&Parts) -> bool + Send + Sync;

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

impl fmt::Debug for CsrfTokenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfTokenLayer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for CsrfTokenLayer {
    type Service = CsrfTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfTokenService {
            inner,
            keys: Arc::clone(&self.keys),
            clock: Arc::clone(&self.clock),
            form_routes: self.form_routes.clone(),
        }
    }
}
