use std::fmt;
use std::sync::Arc;

use hardening::clock::Clock;
use hardening::rate_limit::QuotaStore;
use http::request::Parts;
use tower_layer::Layer;

use super::{RateLimitService, TrafficLimits};

/// Limits traffic.
#[derive(Clone)]
pub struct RateLimitLayer {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn QuotaStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Box<LimitsOf>,
}

type LimitsOf = dyn Fn(&Parts) -> Option<TrafficLimits> + Send + Sync;

impl RateLimitLayer {
    /// `limits` says which quotas a request takes from; `None` for a request that is not limited.
    pub fn new(
        store: Arc<dyn QuotaStore>,
        clock: Arc<dyn Clock>,
        limits: impl Fn(&Parts) -> Option<TrafficLimits> + Send + Sync + 'static,
    ) -> Self {
        Self { shared: Arc::new(Shared { store, clock, limits: Box::new(limits) }) }
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService { inner, shared: Arc::clone(&self.shared) }
    }
}
