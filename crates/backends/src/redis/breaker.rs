//! The circuit breaker: after a few failures in a row nobody waits any more.
//!
//! Pure state, no clock: whoever looks for the server behind it closes it again.

/// Counts failures in a row and remembers whether the circuit is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaker {
    opens_after: u32,
    failures: u32,
    open: bool,
}

impl Breaker {
    /// A closed breaker that opens with the `opens_after`th failure in a row (at least one).
    pub(super) fn new(opens_after: u32) -> Self {
        Self { opens_after: opens_after.max(1), failures: 0, open: false }
    }

    /// Whether calls are to be refused.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a success would change anything: lets the common case go without a lock for writing.
    pub(super) fn has_failures(&self) -> bool {
        self.failures > 0
    }

    /// A call got an answer.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A call got none; true when this one opened the breaker.
    pub(super) fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures >= self.opens_after && self.trip()
    }

    /// Opens at once; true when it was closed.
    pub(super) fn trip(&mut self) -> bool {
        !std::mem::replace(&mut self.open, true)
    }

    /// Closes; true when it was open.
    pub(super) fn close(&mut self) -> bool {
        self.failures = 0;
        std::mem::replace(&mut self.open, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_failures_in_a_row_opens_it_once() {
        let mut breaker = Breaker::new(3);
        assert_eq!([breaker.failed(), breaker.failed(), breaker.failed()], [false, false, true]);
        assert!(breaker.is_open());
        assert!(!breaker.failed(), "it is open already");
        assert!(breaker.close() && !breaker.is_open() && !breaker.close());
        assert!(!breaker.failed(), "closing begins a new count");
    }

    #[test]
    fn an_answer_in_between_begins_a_new_count() {
        let mut breaker = Breaker::new(2);
        assert!(!breaker.failed());
        breaker.succeeded();
        assert!(!breaker.has_failures() && !breaker.failed() && !breaker.is_open());
    }

    #[test]
    fn a_trip_needs_no_count_and_zero_means_one() {
        let mut breaker = Breaker::new(0);
        assert!(breaker.trip() && breaker.is_open() && !breaker.trip());
        breaker.close();
        assert!(breaker.failed());
    }
}
