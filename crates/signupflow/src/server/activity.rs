//! What a connection is doing, and until when it may go on doing it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::limits::Limits;
use super::stopping::{Requests, Stage, Stages};

/// The 24 bytes an HTTP/2 connection opens with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Shared by a connection's stream, its requests and its supervisor.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Those of the whole server.
    requests: Requests,
    stages: Stages,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    opened: Instant,
    /// Since when the present head is arriving (HTTP/1).
    head_since: Option<Instant>,
    quiet_since: Instant,
    blocked_since: Option<Instant>,
    in_flight: usize,
    served: bool,
}

#[derive(Debug)]
enum Protocol {
    /// So many bytes agree with the preface.
    Undecided(usize),
    Http1,
    Http2,
}

/// Why a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Head,
    Idle,
    Write,
}

impl Overdue {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Head => "slow_head",
            Self::Idle => "idle",
            Self::Write => "slow_reader",
        }
    }
}

impl Activity {
    pub(super) fn new(requests: Requests, stages: Stages) -> Self {
        let now = Instant::now();
        let state = Mutex::new(State {
            protocol: Protocol::Undecided(0),
            opened: now,
            head_since: None,
            quiet_since: now,
            blocked_since: None,
            in_flight: 0,
            served: false,
        });
        Self(Arc::new(Inner { state, requests, stages }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer sent `bytes`.
    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if let Protocol::Undecided(agreed) = state.protocol {
            let rest = &PREFACE[agreed..];
            let shared = rest.len().min(bytes.len());
            state.protocol = match rest[..shared] == bytes[..shared] {
                false => Protocol::Http1,
                true if shared == rest.len() => Protocol::Http2,
                true => Protocol::Undecided(agreed + shared),
            };
        }
        if matches!(state.protocol, Protocol::Http1) && state.in_flight == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// The peer takes no bytes (`true`), or has taken some.
    pub(super) fn blocked(&self, blocked: bool) {
        let mut state = self.lock();
        if !blocked {
            state.blocked_since = None;
        } else if state.blocked_since.is_none() {
            state.blocked_since = Some(Instant::now());
        }
    }

    /// A whole head arrived; the request lasts until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.lock();
        state.head_since = None;
        state.served = true;
        state.in_flight += 1;
        self.0.requests.begin();
        InFlight(self.clone())
    }

    /// Starts the time of rest again.
    pub(super) fn rest_anew(&self) {
        self.lock().quiet_since = Instant::now();
    }

    /// Whether the peer speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.lock().protocol, Protocol::Http2)
    }

    /// Whether any request has begun.
    pub(super) fn has_served(&self) -> bool {
        self.lock().served
    }

    /// When the connection is to be cut unless something happens, and why.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let state = self.lock();
        let write = state.blocked_since.map(|since| (since + limits.write_stall_timeout, Overdue::Write));
        let rest = if state.in_flight > 0 {
            None
        } else if let Some(since) = state.head_since {
            Some((since + limits.head_timeout, Overdue::Head))
        } else if state.served {
            Some((state.quiet_since + limits.idle_timeout, Overdue::Idle))
        } else {
            Some((state.opened + limits.head_timeout, Overdue::Head))
        };
        [write, rest].into_iter().flatten().min_by_key(|(when, _)| *when)
    }
}

/// A request being answered.
#[derive(Debug)]
pub(super) struct InFlight(Activity);

impl InFlight {
    /// Whether the server was asked to stop meanwhile.
    pub(super) fn server_stops(&self) -> bool {
        *self.0.0.stages.borrow() != Stage::Serving
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
        self.0.0.requests.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stopping;
    use super::*;

    fn limits() -> Limits {
        Limits {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            ..Limits::default()
        }
    }

    fn activity() -> Activity {
        Activity::new(Requests::default(), stopping::stages().1)
    }

    fn due(activity: &Activity) -> Option<(u64, Overdue)> {
        let now = Instant::now();
        activity.deadline(&limits()).map(|(when, why)| ((when - now).as_secs(), why))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_byte_however_slowly_it_drips() {
        let activity = activity();
        assert_eq!(due(&activity), Some((10, Overdue::Head)));
        activity.received(b"P");
        activity.received(b"OST");
        tokio::time::advance(Duration::from_secs(7)).await;
        activity.received(b" ");
        assert_eq!(due(&activity), Some((3, Overdue::Head)));
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_preface_buys_no_time() {
        let activity = activity();
        activity.received(b"PRI * HT");
        tokio::time::advance(Duration::from_secs(7)).await;
        activity.received(b"TP/2.0\r\n\r\nSM\r\n\r\n and more");
        assert_eq!(due(&activity), Some((3, Overdue::Head)), "nor does a whole one without a request");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_run_without_a_deadline_and_rest_starts_after_them() {
        let activity = activity();
        activity.received(b"GET / HTTP/1.1\r\n\r\n");
        let (one, two) = (activity.begin(), activity.begin());
        assert_eq!(due(&activity), None);
        tokio::time::advance(Duration::from_secs(100)).await;
        drop(one);
        assert_eq!(due(&activity), None);
        drop(two);
        assert_eq!(due(&activity), Some((60, Overdue::Idle)));
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.received(b"G");
        assert_eq!(due(&activity), Some((10, Overdue::Head)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_overdue_even_in_a_request() {
        let activity = activity();
        let _request = activity.begin();
        activity.blocked(true);
        tokio::time::advance(Duration::from_secs(10)).await;
        activity.blocked(true);
        assert_eq!(due(&activity), Some((20, Overdue::Write)));
        activity.blocked(false);
        assert_eq!(due(&activity), None);
    }
}
