use std::fmt;
use std::sync::Arc;

use hardening::clock::Clock;
use hardening::fault::Fault;
use hardening::rate_limit::QuotaStore;
use http::request::Parts;
use tower_layer::Layer;

use super::drawn::{Draw, Drawn};
use super::{RateLimitService, TrafficLimits, TrafficTaken};

/// Limits traffic.
#[derive(Clone)]
pub struct RateLimitLayer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn QuotaStore>,
    clock: Arc<dyn Clock>,
    limits: Box<LimitsOf>,
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

impl RateLimitLayer {
    /// What this request is to take, or what was taken for it already; `None` when nothing limits it.
    pub fn draw(&self, parts: &mut Parts) -> Option<Draw> {
        if let Some(taken) = parts.extensions.remove::<TrafficTaken>() {
            return Some(Draw::Done(taken));
        }
        let limits = (self.shared.limits)(parts)?;
        (!limits.keys().is_empty()).then_some(Draw::Due(limits))
    }

    /// Takes it, if that is not done already.
    ///
    /// # Errors
    /// When the store cannot tell: then nothing may be let through.
    pub async fn take(&self, draw: Draw) -> Result<Drawn, Fault> {
        let now = self.shared.clock.now();
        let TrafficTaken(decision, limits) = match draw {
            Draw::Done(taken) => taken,
            Draw::Due(limits) => TrafficTaken(self.shared.store.take(limits.keys(), now).await?, limits),
        };
        Ok(Drawn { decision, limits, now })
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
        RateLimitService { inner, layer: self.clone() }
    }
}
