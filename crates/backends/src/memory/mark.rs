//! [`MemoryMark`]: the revocation mark of sessions in process.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Followed, RevocationMark};

/// A mark that begins unknown with each start.
#[derive(Debug, Default)]
pub struct MemoryMark(Mutex<Option<Timestamp>>);

#[async_trait]
impl RevocationMark for MemoryMark {
    async fn followed(&self) -> Result<Followed, Fault> {
        let mark = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Followed::new(vec![(String::new(), mark)]))
    }

    async fn set_followed(&self, seen: &Followed, until: Timestamp) -> Result<bool, Fault> {
        let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unmoved = *mark == seen.oldest();
        if unmoved {
            *mark = Some(until);
        }
        Ok(unmoved)
    }
}
