//! One line for every request, and the counters of requests. Whatever is logged meanwhile is inside the
//! request's span and so carries its id.

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use metrics::Counter;

use super::arrival::Arrival;

/// Statuses are numbers below this.
const STATUSES: usize = 1000;

/// The counters.
#[derive(Clone)]
pub struct AccessLog(Arc<[OnceLock<Counter>]>);

impl Default for AccessLog {
    /// With counters that are looked up once a status.
    fn default() -> Self {
        Self((0..STATUSES).map(|_| OnceLock::new()).collect())
    }
}

impl AccessLog {
    fn count(&self, status: u16) {
        let register = || metrics::counter!("signupflow_http_requests_total", "status" => status.to_string());
        if let Some(counter) = self.0.get(usize::from(status)) {
            counter.get_or_init(register).increment(1);
        }
    }

    /// Counts an answer and writes its line.
    pub fn note(&self, arrival: &Arrival, status: StatusCode) {
        let status = status.as_u16();
        self.count(status);
        let (id, method, path) = (arrival.id().as_str(), arrival.method(), arrival.uri().path());
        tracing::info!(id, %method, ?path, status, "request");
    }
}
