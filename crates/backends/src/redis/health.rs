//! How many of a link's servers are away or take no writes, shown as a metric and in the log.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the servers of one link whose breaker is open, and those that take no writes.
#[derive(Clone, Default)]
pub(super) struct Health(Arc<AtomicUsize>);

impl Health {
    /// Whether any server is away or takes no writes.
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

    /// A server answers but takes no writes.
    pub(super) fn takes_no_writes(&self, server: &impl fmt::Display, reason: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.publish();
        tracing::warn!(%server, reason, "Redis takes no writes: what needs them is refused until it does");
    }

    /// It takes writes again.
    pub(super) fn takes_writes(&self, server: &impl fmt::Display) {
        self.forgotten();
        tracing::info!(%server, "Redis takes writes again");
    }

    /// A server that was counted is no longer part of the link.
    pub(super) fn forgotten(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        self.publish();
    }

    /// Sets the metric; the first call makes it appear.
    pub(super) fn publish(&self) {
        metrics::gauge!("signupflow_redis_degraded").set(f64::from(u8::from(self.is_degraded())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
    use std::sync::Mutex;

    /// Remembers what gauges were set to.
    #[derive(Default)]
    struct Gauges(Arc<Mutex<Vec<(String, f64)>>>);

    struct Named(String, Arc<Mutex<Vec<(String, f64)>>>);

    impl metrics::GaugeFn for Named {
        fn increment(&self, _: f64) {}
        fn decrement(&self, _: f64) {}
        fn set(&self, value: f64) {
            self.1.lock().unwrap().push((self.0.clone(), value));
        }
    }

    impl Recorder for Gauges {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(Arc::new(Named(key.name().to_owned(), Arc::clone(&self.0))))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn the_metric_is_one_as_long_as_any_server_is_away() {
        let gauges = Gauges::default();
        let seen = Arc::clone(&gauges.0);
        metrics::with_local_recorder(&gauges, || {
            let health = Health::default();
            health.publish();
            health.lost(&"a", "silence");
            health.lost(&"b", "silence");
            health.found(&"a");
            assert!(health.is_degraded());
            health.forgotten();
            assert!(!health.is_degraded());
            health.takes_no_writes(&"c", "full");
            assert!(health.is_degraded());
            health.takes_writes(&"c");
        });
        let seen = seen.lock().unwrap();
        assert!(seen.iter().all(|(name, _)| name == "signupflow_redis_degraded"));
        let values: Vec<bool> = seen.iter().map(|(_, value)| *value > 0.5).collect();
        assert_eq!(values, [false, true, true, true, false, true, false]);
    }
}
