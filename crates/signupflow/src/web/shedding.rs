//! Whom to send away first when there is too much to do: signups, then resets, then sign-ins, then whatever else is
//! asked with a session; signing out and the health checks never (OWASP ASVS 5.0, 2.4.1 and 16.5.2).
//!
//! * Who is sent away has waited a second for room, since a refusal that comes at once invites the next request; then
//!   gets 503 `busy` with `Retry-After`, before a session is looked up, and is counted against nobody.
//! * Too much is: many requests being worked on at once, or a long wait for a password check.
//! * A request is not worked on while its client is sending: slow senders take no place.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures_util::future::Either;
use http::Method;
use http::request::Parts;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::state::AppState;

/// How long a request waits for room.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often it looks whether there is some.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// From the first to be sent away to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    SignUp,
    Reset,
    SignIn,
    Other,
    Always,
}

impl Urgency {
    fn of(method: &Method, path: &str) -> Self {
        match path {
            "/health" | "/ready" | "/api/auth/logout" | "/logout" => Self::Always,
            "/api/auth/signup" | "/signup" if method == Method::POST => Self::SignUp,
            "/forgot-password" | "/reset-password" if method == Method::POST => Self::Reset,
            _ if path.starts_with("/api/auth/password-reset") => Self::Reset,
            "/api/auth/login" | "/login" | "/api/auth/unlock" | "/unlock" if method == Method::POST => {
                Self::SignIn
            }
            _ if path.starts_with("/api/auth/2fa/verify") => Self::SignIn,
            _ => Self::Other,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "signup",
            Self::Reset => "reset",
            Self::SignIn => "sign_in",
            Self::Other => "other",
            Self::Always => "always",
        }
    }

    /// From how many requests at work, in percent of the most, and from which wait for a password check, in percent
    /// of the longest, it is sent away.
    const fn bounds(self) -> (usize, usize) {
        match self {
            Self::SignUp => (50, 50),
            Self::Reset => (60, 75),
            Self::SignIn => (70, 100),
            Self::Other => (90, usize::MAX),
            Self::Always => (usize::MAX, usize::MAX),
        }
    }

    const fn is_sent_away(self, at_work_percent: usize, credentials_percent: usize) -> bool {
        let (at_work, credentials) = self.bounds();
        at_work_percent >= at_work || credentials_percent >= credentials
    }
}

/// How many requests are being worked on. Clones share it.
#[derive(Clone, Debug)]
pub struct InFlight {
    at_work: Arc<AtomicUsize>,
    most: usize,
}

impl InFlight {
    /// None yet, and these at most.
    pub fn new(most: usize) -> Self {
        Self { at_work: Arc::default(), most: most.max(1) }
    }

    fn percent(&self) -> usize {
        self.at_work.load(Ordering::Relaxed) * 100 / self.most
    }

    fn enter(&self) -> Place {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        Place { all: self.at_work.clone(), counts: AtomicBool::new(true) }
    }
}

/// One request's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    all: Arc<AtomicUsize>,
    counts: AtomicBool,
}

impl Place {
    fn count(&self, counts: bool) {
        if self.counts.swap(counts, Ordering::Relaxed) != counts {
            if counts {
                self.all.fetch_add(1, Ordering::Relaxed);
            } else {
                self.all.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.count(false);
    }
}

/// A request's place, shared with its body where that is still being sent; held until it is dropped.
pub type Held = Either<Place, Arc<Place>>;

/// A place for the request as soon as there is one, shared with its body; `None` when it is to be sent away.
pub async fn place(state: &AppState, parts: &Parts, body: &mut Body) -> Option<Held> {
    let urgency = Urgency::of(&parts.method, parts.uri.path());
    // Boxed, as it is rare and large.
    if !has_room(state, urgency) && !Box::pin(finds_room(state, urgency)).await {
        metrics::counter!("signupflow_requests_shed_total", "kind" => urgency.as_str()).increment(1);
        return None;
    }
    let place = state.in_flight.enter();
    if body.is_end_stream() {
        return Some(Either::Left(place));
    }
    let place = Arc::new(place);
    *body = Body::new(Sent { body: std::mem::take(body), place: place.clone() });
    Some(Either::Right(place))
}

fn has_room(state: &AppState, urgency: Urgency) -> bool {
    let credentials = match urgency {
        Urgency::SignUp | Urgency::Reset => {
            state.services.hashing.load_percent().max(state.admission.load_percent())
        }
        // It has a turn of its own to wait for; without room to hash it would be in vain.
        Urgency::SignIn => state.services.hashing.load_percent(),
        Urgency::Other | Urgency::Always => 0,
    };
    !urgency.is_sent_away(state.in_flight.percent(), credentials)
}

async fn finds_room(state: &AppState, urgency: Urgency) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST_WAIT {
        tokio::time::sleep(LOOK_AGAIN).await;
        if has_room(state, urgency) {
            return true;
        }
    }
    false
}

/// A body whose request takes no place while more of it is awaited.
struct Sent {
    body: Body,
    place: Arc<Place>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.place.count(polled.is_ready());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    /// Nobody waits for the rest.
    fn drop(&mut self) {
        self.place.count(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [Urgency; 5] =
        [Urgency::SignUp, Urgency::Reset, Urgency::SignIn, Urgency::Other, Urgency::Always];

    #[test]
    fn the_less_urgent_is_always_sent_away_first() {
        for load in 0..300 {
            for (at_work, credentials) in [(load, 0), (0, load), (load, load)] {
                let sent_away = ORDER.map(|urgency| urgency.is_sent_away(at_work, credentials));
                assert!(sent_away.is_sorted_by(|a, b| a >= b), "{load}: {sent_away:?}");
            }
        }
        assert!(!Urgency::Always.is_sent_away(1_000, 1_000));
        assert!(!Urgency::Other.is_sent_away(0, 1_000), "sessions do not wait for passwords");
    }

    #[test]
    fn routes_have_their_urgency() {
        for (method, path, urgency) in [
            (Method::POST, "/api/auth/signup", Urgency::SignUp),
            (Method::GET, "/signup", Urgency::Other),
            (Method::POST, "/api/auth/password-reset-request", Urgency::Reset),
            (Method::POST, "/api/auth/login", Urgency::SignIn),
            (Method::POST, "/api/auth/2fa/verify", Urgency::SignIn),
            (Method::GET, "/api/people/me", Urgency::Other),
            (Method::POST, "/api/auth/logout", Urgency::Always),
            (Method::GET, "/health", Urgency::Always),
        ] {
            assert_eq!(Urgency::of(&method, path), urgency, "{method} {path}");
        }
    }

    #[test]
    fn a_place_counts_once_and_is_given_back() {
        let all = InFlight::new(10);
        let at_work = || all.at_work.load(Ordering::Relaxed);
        let (one, two) = (all.enter(), all.enter());
        one.count(true);
        assert_eq!((at_work(), all.percent()), (2, 20));
        one.count(false);
        one.count(false);
        assert_eq!(at_work(), 1, "slow senders take no place");
        one.count(true);
        drop((one, two));
        assert_eq!(at_work(), 0);
    }
}
