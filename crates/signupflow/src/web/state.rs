//! What handlers share.

use std::sync::Arc;

use accounts::Services;
use hardening::csrf::CsrfKeys;
use hardening::entropy::Entropy;
use hardening::rate_limit::QuotaStore;
use hardening::session::token::TokenKeys;

use super::admission::Admission;
use super::health::{Leaving, Probe};
use super::idempotency::InProgress;
use super::shedding::InFlight;

/// Shared by every handler; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// What [`AppState`] holds.
pub struct Inner {
    /// The use cases' ports and rules.
    pub services: Arc<Services>,
    /// The door of every credential check.
    pub admission: Admission,
    /// The requests that are being worked on.
    pub in_flight: InFlight,
    /// The repeatable requests that are being carried out.
    pub in_progress: InProgress,
    /// Signs and reads session tokens.
    pub tokens: Arc<TokenKeys>,
    /// Signs and reads CSRF tokens.
    pub csrf: Arc<CsrfKeys>,
    /// For what is random and no secret: numbers of requests, what makes CSRF tokens differ.
    pub nonces: Arc<dyn Entropy>,
    /// Whether unsafe requests need a CSRF token.
    pub csrf_enabled: bool,
    /// Traffic quotas.
    pub quotas: Arc<dyn QuotaStore>,
    /// `__Host-` cookies over HTTPS, plain ones otherwise.
    pub secure_cookies: bool,
    /// Asks the backends whether they answer.
    pub probe: Arc<dyn Probe>,
    /// Whether the program was asked to stop.
    pub leaving: Leaving,
    /// Own origin.
    pub public_url: String,
    /// Where security researchers may write to.
    pub security_contact: String,
    /// Shape and switches for the first-run page.
    pub shape: String,
}

impl AppState {
    /// Shares it.
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}
