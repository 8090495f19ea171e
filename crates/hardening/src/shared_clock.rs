//! One time for all nodes: that of the store they share, however wrong their own clocks are.
//!
//! * Between two looks at the store its time is carried on by the monotonic clock. The node's own clock is read only
//!   before the first look, and to say how wrong it is.
//! * A look that fits what is shown, within its round trip, changes nothing: time does not jitter.
//! * Steps, of the store's time or of the own clock, are reported to the caller, who tells people.
//!
//! What the caller must ensure: a look every few seconds; a machine that slept shows a time in the past until then,
//! which releases no lock early.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use time::Duration as Signed;

use crate::clock::{Clock, Timestamp};

/// What clocks may differ beyond the round trip of a look before the shown time follows.
const TOLERANCE: Signed = Signed::milliseconds(20);
/// From here on it is a step, and not drift.
const STEP: Signed = Signed::seconds(1);

/// A look at the store's time.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Just before it was asked.
    pub asked: Instant,
    /// When the answer was there.
    pub answered: Instant,
    /// The answer; none where the store has no clock but this node's.
    pub store: Option<Timestamp>,
}

/// What a look found. Negative is back, or behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The store's time moved by so much against what was expected; none when that is less than a second.
    pub store_stepped: Option<Signed>,
    /// The node's own clock moved by so much since the last look against the monotonic clock; none as above.
    pub own_stepped: Option<Signed>,
    /// How far the node's own clock is ahead of the shown time.
    pub ahead: Signed,
}

/// Shows the store's time.
pub struct SharedClock {
    own: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    /// The store's time at a moment.
    store: Option<(Instant, Timestamp)>,
    /// The own clock at the last look.
    own: Option<(Instant, Timestamp)>,
}

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SharedClock").field("store", &self.lock().store).finish_non_exhaustive()
    }
}

impl SharedClock {
    /// Shows `own` until the first look.
    pub fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, state: Mutex::new(State { store: None, own: None }) }
    }

    /// Follows a look.
    pub fn learn(&self, look: &Look) -> Findings {
        let own = self.own.now();
        let mut state = self.lock();
        let expected = state.store.map(|since| carried(since, look.answered));
        let mut store_stepped = None;
        if let Some(store) = look.store {
            let round_trip = look.answered.saturating_duration_since(look.asked);
            let likely = store + round_trip / 2;
            let off = expected.map(|expected| difference(likely, expected));
            let doubt = TOLERANCE + Signed::try_from(round_trip / 2).unwrap_or(Signed::MAX / 2);
            if off.is_none_or(|off| off.abs() > doubt) {
                state.store = Some((look.answered, likely));
                store_stepped = off.filter(|off| off.abs() >= STEP);
            }
        }
        let own_stepped = state.own.map(|since| difference(own, carried(since, look.answered)));
        state.own = Some((look.answered, own));
        let shown = state.store.map_or(own, |since| carried(since, look.answered));
        let own_stepped = own_stepped.filter(|step| step.abs() >= STEP);
        Findings { store_stepped, own_stepped, ahead: difference(own, shown) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let store = self.lock().store;
        store.map_or_else(|| self.own.now(), |since| carried(since, Instant::now()))
    }
}

fn carried((since, time): (Instant, Timestamp), to: Instant) -> Timestamp {
    time + to.saturating_duration_since(since)
}

fn difference(one: Timestamp, other: Timestamp) -> Signed {
    Signed::microseconds(one.micros().saturating_sub(other.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::time::Duration;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const MINUTES: Duration = Duration::from_mins(10);

    struct Node {
        own: Arc<ManualClock>,
        clock: SharedClock,
        began: Instant,
    }

    impl Node {
        fn new(own: Timestamp) -> Self {
            let own = Arc::new(ManualClock::at(own));
            Self { clock: SharedClock::new(own.clone()), own, began: Instant::now() }
        }

        /// A look so many seconds after the beginning, with this round trip.
        fn look(&self, after: u64, store: Option<Timestamp>, round_trip: Duration) -> Findings {
            let answered = self.began + Duration::from_secs(after);
            let asked = answered.checked_sub(round_trip).expect("the machine runs longer");
            self.clock.learn(&Look { asked, answered, store })
        }

        fn shown(&self, after: u64) -> Timestamp {
            let store = self.clock.lock().store.expect("it was looked at");
            carried(store, self.began + Duration::from_secs(after))
        }
    }

    #[test]
    fn the_stores_time_is_shown_however_wrong_the_own_clock_is() {
        for own in [NOON - MINUTES, NOON + MINUTES] {
            let node = Node::new(own);
            assert_eq!(node.clock.now(), own, "nothing better is known yet");
            let found = node.look(0, Some(NOON), Duration::ZERO);
            assert_eq!(found.ahead, difference(own, NOON));
            assert_eq!((found.store_stepped, found.own_stepped), (None, None));
            node.own.set(own - MINUTES);
            assert_eq!(node.shown(7), NOON + Duration::from_secs(7), "the own clock has no say any more");
            assert!(node.clock.now().since(NOON) < Duration::from_secs(5));
        }
    }

    #[test]
    fn a_slow_look_is_believed_no_more_than_its_round_trip_allows() {
        let node = Node::new(NOON);
        node.look(0, Some(NOON), Duration::ZERO);
        // The answer was given somewhere within two seconds.
        node.look(10, Some(NOON + Duration::from_millis(8_500)), Duration::from_secs(2));
        assert_eq!(node.shown(10), NOON + Duration::from_secs(10));
        node.look(20, Some(NOON + Duration::from_millis(20_019)), Duration::ZERO);
        assert_eq!(node.shown(20), NOON + Duration::from_secs(20), "time does not jitter");
        let found = node.look(30, Some(NOON + Duration::from_millis(30_500)), Duration::ZERO);
        assert_eq!(node.shown(30), NOON + Duration::from_millis(30_500), "drift is followed");
        assert_eq!(found.store_stepped, None);
    }

    #[test]
    fn steps_are_reported_and_the_stores_are_followed() {
        let node = Node::new(NOON);
        node.look(0, Some(NOON), Duration::ZERO);
        let found = node.look(5, Some(NOON - MINUTES), Duration::ZERO);
        assert_eq!(found.store_stepped, Some(Signed::seconds(-605)));
        assert_eq!(node.shown(5), NOON - MINUTES);
        // The own clock stood still meanwhile.
        assert_eq!(found.own_stepped, Some(Signed::seconds(-5)));
    }

    #[test]
    fn without_a_clock_of_the_stores_the_own_one_counts_and_its_steps_are_reported() {
        let node = Node::new(NOON);
        assert_eq!(node.look(0, None, Duration::ZERO).own_stepped, None);
        node.own.advance(Duration::from_secs(2));
        assert_eq!(node.look(2, None, Duration::ZERO).own_stepped, None);
        node.own.set(NOON - MINUTES);
        let found = node.look(4, None, Duration::ZERO);
        assert_eq!((found.own_stepped, found.ahead), (Some(Signed::seconds(-604)), Signed::ZERO));
        assert_eq!(node.clock.now(), NOON - MINUTES);
    }
}
