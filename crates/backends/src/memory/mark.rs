//! [`MemoryMark`]: the revocation mark of sessions in process.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::RevocationMark;

/// A mark that begins unknown with each start.
#[derive(Debug, Default)]
pub struct MemoryMark(Mutex<Option<Timestamp>>);

#[async_trait]
impl RevocationMark for MemoryMark {
    async fn followed_until(&self) -> Result<Option<Timestamp>, Fault> {
        Ok(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn set_followed_until(&self, seen: Option<Timestamp>, until: Timestamp) -> Result<bool, Fault> {
        let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unmoved = *mark == seen;
        if unmoved {
            *mark = Some(until);
        }
        Ok(unmoved)
    }
}
