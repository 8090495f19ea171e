//! How many of a link's servers are away, shown as a metric and in the log.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the servers of one link whose breaker is open.
#[derive(Clone, Default)]
pub(super) struct Health(Arc<AtomicUsize>);

impl Health {
    /// Whether any server is away.
    pub(super) fn is_degraded(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// A breaker opened.
    pub(super) fn lost(&self, server: &impl fmt::Display, reason: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.publish();
        tracing::warn!(%server, reason, "Redis is away: calls are refused until it answers again");
    }

    /// A breaker closed.
    pub(super) fn found(&self, server: &impl fmt::Display) {
        self.forgotten();
        tracing::info!(%server, "Redis is back");
    }

    /// A server whose breaker is open is no longer part of the link.
    pub(super) fn forgotten(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        self.publish();
    }

    /// Sets the metric; the first call makes it appear.
    pub(super) fn publish(&self) {
        metrics::gauge!("signupflow_redis_degraded").set(f64::from(u8::from(self.is_degraded())));
    }
}
