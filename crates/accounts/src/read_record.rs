//! Reads of the trail on record, so that reading does not fill it: see [`ReadLog`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hardening::clock::Timestamp;

/// Reads of one person within this time are one row.
const READ_WINDOW: Duration = Duration::from_mins(1);
/// Further pages within this time after a row are part of that read: a row that came between two pages would move what
/// an offset counts from, and the next page would repeat a row.
const PAGING_WINDOW: Duration = Duration::from_hours(1);
/// People told apart at once; beyond, some reads get a row more.
const PEOPLE: usize = 4_096;

/// When each person's last read got its row. It lives in the process: a read at another node, or after a restart, gets a
/// row of its own.
#[derive(Debug, Default)]
pub struct ReadLog(Mutex<HashMap<String, Timestamp>>);

impl ReadLog {
    /// Whether this read is part of one that has its row.
    pub(crate) fn has_row(&self, person_id: &str, first_page: bool, now: Timestamp) -> bool {
        let window = if first_page { READ_WINDOW } else { PAGING_WINDOW };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(person_id).is_some_and(|at| *at <= now && now.since(*at) < window)
    }

    /// Remembers a row that was written.
    pub(crate) fn note(&self, person_id: &str, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEOPLE {
            known.retain(|_, at| now.since(*at) < READ_WINDOW);
        }
        if known.len() >= PEOPLE {
            known.clear();
        }
        known.insert(person_id.to_owned(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    #[test]
    fn reads_are_one_row_a_minute_and_pages_one_an_hour() {
        let log = ReadLog::default();
        assert!(!log.has_row("a", true, NOW) && !log.has_row("a", false, NOW));
        log.note("a", NOW);
        let just_before = Duration::from_micros(1);
        for (first_page, window) in [(true, READ_WINDOW), (false, PAGING_WINDOW)] {
            assert!(log.has_row("a", first_page, NOW + window - just_before));
            assert!(!log.has_row("a", first_page, NOW + window));
        }
        assert!(!log.has_row("b", false, NOW), "somebody else is somebody else");
        assert!(
            !log.has_row("a", true, NOW - Duration::from_secs(5)),
            "a clock that went back hides nothing"
        );
    }

    #[test]
    fn people_are_bounded() {
        let log = ReadLog::default();
        for number in 0..3 * PEOPLE {
            log.note(&number.to_string(), NOW);
        }
        assert!(log.0.lock().expect("nobody panics").len() <= PEOPLE);
    }
}
