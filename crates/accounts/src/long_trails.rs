//! Filters that match more rows of the trail than are counted: see [`LongTrails`].

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ports::AuditFilter;

/// Filters remembered at once; beyond, all are counted anew.
const FILTERS: usize = 1_024;

/// Rows only come. A filter that once matched more than are counted does so for ever, and counting ten thousand rows
/// takes longer than reading a page of them. It lives in the process: another node, or a restart, counts once more.
#[derive(Debug, Default)]
pub struct LongTrails(Mutex<HashSet<AuditFilter>>);

impl LongTrails {
    /// Whether it is known that there are more.
    pub(crate) fn has(&self, filter: &AuditFilter) -> bool {
        self.lock().contains(filter)
    }

    /// Remembers that there are more. Not of what erasing can change.
    pub(crate) fn note(&self, filter: &AuditFilter) {
        if filter.q.is_some() || filter.ip_address.is_some() {
            return;
        }
        let mut known = self.lock();
        if known.len() >= FILTERS {
            known.clear();
        }
        known.insert(filter.clone());
    }

    // Nothing panics half way through a change of it.
    fn lock(&self) -> MutexGuard<'_, HashSet<AuditFilter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(org_id: &str) -> AuditFilter {
        AuditFilter { org_id: Some(org_id.into()), ..AuditFilter::default() }
    }

    #[test]
    fn only_the_same_filter_is_known() {
        let trails = LongTrails::default();
        trails.note(&filter("a"));
        assert!(trails.has(&filter("a")) && !trails.has(&filter("b")));
        assert!(!trails.has(&AuditFilter { status: Some("failure".into()), ..filter("a") }));
    }

    #[test]
    fn what_erasing_changes_is_counted_each_time() {
        let trails = LongTrails::default();
        for erasable in [
            AuditFilter { q: Some("ann@".into()), ..filter("a") },
            AuditFilter { ip_address: Some("192.0.2.1".into()), ..filter("a") },
        ] {
            trails.note(&erasable);
            assert!(!trails.has(&erasable));
        }
    }

    #[test]
    fn they_are_bounded() {
        let trails = LongTrails::default();
        for number in 0..3 * FILTERS {
            trails.note(&filter(&number.to_string()));
        }
        assert!(trails.lock().len() <= FILTERS);
    }
}
