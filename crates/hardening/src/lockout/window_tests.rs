use super::*;
use proptest::prelude::*;

fn limits(limit: u32, lockout: Option<u64>) -> Limits {
    Limits { limit, window: Duration::from_mins(5), lockout: lockout.map(Duration::from_secs) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_000_000 + seconds)
}

/// Reserves when there is room; the answer either way.
fn try_reserve(window: &mut Window, id: &str, limits: Limits, now: Timestamp, lease: u64) -> Room {
    window.refresh(limits, now);
    let room = window.room(limits);
    if room == Room::Free {
        window.reserve(id, now + Duration::from_secs(lease));
    }
    room
}

fn fail(window: &mut Window, id: &str, limits: Limits, now: Timestamp) -> Settling {
    assert_eq!(try_reserve(window, id, limits, now, 10), Room::Free);
    window.settle(id, true, false, limits, now)
}

#[test]
fn five_failures_lock_and_the_lock_ends_to_the_microsecond() {
    let limits = limits(5, Some(900));
    let mut window = Window::default();
    for attempt in 0..5_i32 {
        let settling = fail(&mut window, &attempt.to_string(), limits, at(attempt.into()));
        assert_eq!(settling.newly_locked, attempt == 4);
    }
    let until = at(4) + Duration::from_mins(15);
    let state = window.state("k", limits, at(4));
    assert_eq!((state.used, state.blocked_until, state.resets_at), (5, Some(until), until));
    for seconds in [5, 100, 903] {
        assert_eq!(try_reserve(&mut window, "x", limits, at(seconds), 10), Room::Blocked { until });
    }
    let last = until - Duration::from_micros(1);
    assert_eq!(try_reserve(&mut window, "x", limits, last, 10), Room::Blocked { until }, "not early");
    assert_eq!(try_reserve(&mut window, "x", limits, until, 10), Room::Free, "not late");
    assert_eq!(window.state("k", limits, until).used, 1, "and the budget is fresh");
}

#[test]
fn without_a_lockout_places_come_back_one_by_one() {
    let limits = limits(2, None);
    let mut window = Window::default();
    fail(&mut window, "a", limits, at(0));
    fail(&mut window, "b", limits, at(10));
    assert_eq!(try_reserve(&mut window, "c", limits, at(299), 10), Room::Full { until: at(300) });
    assert_eq!(try_reserve(&mut window, "c", limits, at(300), 10), Room::Free);
    assert_eq!(try_reserve(&mut window, "d", limits, at(300), 10), Room::Busy);
}

#[test]
fn reserved_places_are_busy_and_lock_nothing() {
    let limits = limits(2, Some(900));
    let mut window = Window::default();
    assert_eq!(try_reserve(&mut window, "a", limits, at(0), 10), Room::Free);
    assert_eq!(try_reserve(&mut window, "b", limits, at(0), 10), Room::Free);
    assert_eq!(try_reserve(&mut window, "c", limits, at(0), 10), Room::Busy);
    window.settle("a", false, false, limits, at(1));
    assert_eq!(try_reserve(&mut window, "c", limits, at(1), 10), Room::Free);
    assert_eq!(window.blocked_until(), None);
}

#[test]
fn a_lapsed_lease_counts_from_its_lapse_and_can_lock() {
    let limits = limits(2, Some(900));
    let mut window = Window::default();
    try_reserve(&mut window, "a", limits, at(0), 10);
    try_reserve(&mut window, "b", limits, at(1), 10);
    assert!(!window.refresh(limits, at(10) - Duration::from_micros(1)));
    assert!(window.refresh(limits, at(200)));
    assert_eq!(window.blocked_until(), Some(at(911)), "as if somebody had watched");
    assert!(window.take_unreported_lock() && !window.take_unreported_lock());
}

#[test]
fn a_late_settlement_corrects_the_lapse_once() {
    let limits = limits(3, Some(900));
    let mut window = Window::default();
    try_reserve(&mut window, "a", limits, at(0), 10);
    try_reserve(&mut window, "b", limits, at(0), 10);
    window.refresh(limits, at(20));
    assert_eq!(window.kept().collect::<Vec<_>>(), [at(10), at(10)]);
    window.settle("a", false, false, limits, at(20));
    window.settle("b", true, false, limits, at(21));
    window.settle("b", true, false, limits, at(21));
    assert_eq!(window.kept().collect::<Vec<_>>(), [at(21)], "given back; moved to when it was judged");
}

#[test]
fn an_unknown_reservation_counts_but_never_extends_a_lock() {
    let limits = limits(1, Some(900));
    let mut window = Window::default();
    assert!(window.settle("lost", true, false, limits, at(0)).newly_locked);
    let settling = window.settle("late", true, false, limits, at(100));
    assert!(!settling.newly_locked);
    assert_eq!(window.blocked_until(), Some(at(900)));
}

#[test]
fn what_is_judged_during_a_lock_counts_after_it() {
    let limits = limits(2, Some(300));
    let mut window = Window::default();
    try_reserve(&mut window, "late", limits, at(0), 10);
    window.refresh(limits, at(310));
    fail(&mut window, "a", limits, at(400));
    try_reserve(&mut window, "b", limits, at(400), 10);
    assert!(window.settle("late", true, false, limits, at(401)).newly_locked, "while b is being judged");
    assert!(!window.settle("b", true, false, limits, at(405)).newly_locked);
    assert_eq!(window.blocked_until(), Some(at(701)), "not extended");
    assert_eq!(try_reserve(&mut window, "c", limits, at(701), 10), Room::Free);
    assert_eq!(try_reserve(&mut window, "d", limits, at(701), 10), Room::Busy, "b was judged 296 s ago");
    window.settle("c", false, false, limits, at(704));
    window.refresh(limits, at(705));
    assert_eq!(window.state("k", limits, at(705)).used, 0);
}

#[test]
fn clearing_forgets_failures_but_not_attempts_under_way() {
    let limits = limits(3, Some(900));
    let mut window = Window::default();
    fail(&mut window, "a", limits, at(0));
    try_reserve(&mut window, "b", limits, at(1), 10);
    try_reserve(&mut window, "c", limits, at(1), 10);
    assert!(window.settle("b", false, true, limits, at(2)).changed);
    assert_eq!(window.state("k", limits, at(2)).used, 1);
    fail(&mut window, "d", limits, at(3));
    window.forgive();
    assert_eq!(window.state("k", limits, at(3)).used, 1, "c is still being judged");
}

#[test]
fn a_restored_window_goes_on_counting() {
    let limits = limits(3, Some(900));
    let mut window = Window::restored(vec![at(5), at(1)], None);
    assert_eq!(window.idle_at(limits), at(305));
    assert!(fail(&mut window, "a", limits, at(6)).newly_locked);
    let mut locked = Window::restored(Vec::new(), Some(at(50)));
    assert_eq!(try_reserve(&mut locked, "a", limits, at(49), 10), Room::Blocked { until: at(50) });
}

#[test]
fn an_idle_window_says_no_more_than_an_untouched_one() {
    let limits = limits(2, Some(900));
    let mut window = Window::default();
    assert!(window.is_empty());
    try_reserve(&mut window, "a", limits, at(0), 10);
    let idle = window.idle_at(limits);
    assert_eq!(idle, at(910));
    window.refresh(limits, idle);
    assert!(window.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Reserve,
    Settle { which: usize, success: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0_u64..60_000_000).prop_map(Step::Wait),
        1 => prop_oneof![Just(300_000_000_u64), Just(299_999_999), Just(900_000_000), Just(10_000_000)]
            .prop_map(Step::Wait),
        6 => Just(Step::Reserve),
        4 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(which, success)| Step::Settle { which, success }),
    ];
    prop::collection::vec(step, 1..300)
}

const LEASE: Duration = Duration::from_secs(10);

/// An attempt that got a place: when it was reserved, and when its judging was over.
struct Judged {
    from: Timestamp,
    to: Timestamp,
}

proptest! {
    /// Whenever between reserving and the end of the lease an attempt was really judged: no window of the length holds
    /// more than the limit of failed (or never settled) ones. Holds over locks no shorter than the window.
    #[test]
    fn no_window_holds_more_than_the_limit(
        limit in 1_u32..8, lockout in prop_oneof![Just(None), Just(Some(300)), Just(Some(900))], steps in steps()
    ) {
        let limits = limits(limit, lockout);
        let (mut window, mut now) = (Window::default(), at(0));
        let mut open: Vec<(String, Timestamp)> = Vec::new();
        let mut failed: Vec<Judged> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(micros) => now = now + Duration::from_micros(micros),
                Step::Reserve => {
                    let id = number.to_string();
                    if try_reserve(&mut window, &id, limits, now, 10) == Room::Free {
                        open.push((id, now));
                    }
                    let state = window.state("k", limits, now);
                    prop_assert!(state.used <= limit);
                }
                Step::Settle { which, success } if !open.is_empty() => {
                    let (id, from) = open.swap_remove(which % open.len());
                    window.refresh(limits, now);
                    window.settle(&id, !success, false, limits, now);
                    if !success {
                        failed.push(Judged { from, to: now.min(from + LEASE) });
                    }
                }
                Step::Settle { .. } => {}
            }
        }
        failed.extend(open.into_iter().map(|(_, from)| Judged { from, to: from + LEASE }));
        let early = failed.iter().map(|judged| judged.from).collect();
        let late = failed.iter().map(|judged| judged.to).collect();
        let mixed = failed.iter().enumerate().map(|(i, j)| if i % 2 == 0 { j.from } else { j.to }).collect();
        for times in [early, late, mixed] {
            prop_assert!(densest(times, limits.window) <= limit as usize);
        }
    }

    /// Looking at a window in between never changes what it says later.
    #[test]
    fn looking_changes_nothing(limit in 1_u32..5, steps in steps()) {
        let limits = limits(limit, Some(900));
        let (mut watched, mut left_alone) = (Window::default(), Window::default());
        let (mut now, mut open) = (at(0), Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(micros) => {
                    for _ in 0..3 {
                        now = now + Duration::from_micros(micros / 3);
                        watched.refresh(limits, now);
                    }
                }
                Step::Reserve => {
                    let id = number.to_string();
                    let answer = try_reserve(&mut watched, &id, limits, now, 10);
                    prop_assert_eq!(answer, try_reserve(&mut left_alone, &id, limits, now, 10));
                    if answer == Room::Free {
                        open.push(id);
                    }
                }
                Step::Settle { which, success } if !open.is_empty() => {
                    let id: String = open.swap_remove(which % open.len());
                    for window in [&mut watched, &mut left_alone] {
                        window.refresh(limits, now);
                        window.settle(&id, !success, success, limits, now);
                    }
                    prop_assert_eq!(watched.state("k", limits, now), left_alone.state("k", limits, now));
                }
                Step::Settle { .. } => {}
            }
        }
    }
}

/// The most moments that any half-open window of this length holds.
fn densest(mut times: Vec<Timestamp>, window: Duration) -> usize {
    times.sort_unstable();
    let held = |&start: &Timestamp| times.iter().filter(|&&t| t >= start && t < start + window).count();
    times.iter().map(held).max().unwrap_or(0)
}
