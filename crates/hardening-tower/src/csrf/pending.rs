use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hardening::clock::Clock;
use hardening::csrf::{CsrfKeys, CsrfRefusal};
use hardening::session::SessionId;

/// A form's CSRF token is still to be checked by the handler. In the request's extensions.
#[derive(Clone)]
pub struct CsrfPending {
    pub(super) keys: Arc<CsrfKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) session: SessionId,
    pub(super) checked: Arc<AtomicBool>,
}

impl fmt::Debug for CsrfPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfPending").field("checked", &self.checked).finish_non_exhaustive()
    }
}

impl CsrfPending {
    /// Checks the form's field `csrf_token`.
    ///
    /// # Errors
    /// When it is missing, not this session's, or too old; nothing may then be done.
    pub fn verify(&self, field: Option<&str>) -> Result<(), CsrfRefusal> {
        let outcome = self.keys.verify(field, &self.session, self.clock.now());
        if outcome.is_ok() {
            self.checked.store(true, Ordering::Release);
        }
        outcome
    }

    pub(super) fn was_checked(&self) -> bool {
        self.checked.load(Ordering::Acquire)
    }
}
