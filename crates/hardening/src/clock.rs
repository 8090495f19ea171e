//! Time as a port, so that every rule about windows, locks and expiry can be tested to the microsecond.
//!
//! * [`Timestamp`] is microseconds since the Unix epoch, UTC. It is the one representation of time in
//!   rules, ports and storage; text forms exist only at the edges (RFC 3339).
//! * Nothing else in the workspace reads the system clock; a lint (`clippy.toml`) forbids it.
//!
//! ```
//! use hardening::clock::{Clock, ManualClock, Timestamp};
//! use std::time::Duration;
//! let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
//! clock.advance(Duration::from_secs(5));
//! assert_eq!(clock.now().unix_seconds(), 1_005);
//! ```

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since the Unix epoch, UTC. Serialises as RFC 3339 with up to six fractional digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59Z, the last second RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_000_000);

    /// From microseconds since the epoch, kept within `[EPOCH, MAX]` so that it can always be written.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self::EPOCH
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// From whole seconds since the epoch.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds since the epoch, rounded up: for "not before" values such as `X-RateLimit-Reset`.
    pub const fn unix_seconds_ceil(self) -> i64 {
        self.0.saturating_add(999_999).div_euclid(1_000_000)
    }

    /// How long from `earlier` until `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, any offset; what is finer than a microsecond is cut off.
    ///
    /// # Errors
    /// When the text is not an RFC 3339 date and time, or lies outside `[EPOCH, MAX]`.
    pub fn parse_rfc3339(text: &str) -> Result<Self, NotATimestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATimestamp)?;
        let micros = moment.unix_timestamp_nanos().div_euclid(1_000);
        let micros = i64::try_from(micros).map_err(|_| NotATimestamp)?;
        if !(0..=Self::MAX.0).contains(&micros) {
            return Err(NotATimestamp);
        }
        Ok(Self(micros))
    }

    /// The `time` crate's form of it.
    pub fn to_offset_date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// The text is not an RFC 3339 date and time between 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time between 1970 and 9999, such as 2026-11-24T09:30:00Z")]
pub struct NotATimestamp;

impl fmt::Display for Timestamp {
    /// Fixed width, always six fractional digits, so that text order is time order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text_in(&mut [0; TEXT]))
    }
}

/// The length of a moment's text.
const TEXT: usize = "0000-00-00T00:00:00.000000Z".len();

impl Timestamp {
    /// What `Display` shows, without the formatter: several stand in every row and answer, and it takes long.
    pub fn to_text(self) -> String {
        self.text_in(&mut [0; TEXT]).to_owned()
    }

    fn text_in(self, text: &mut [u8; TEXT]) -> &str {
        let t = self.to_offset_date_time();
        *text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |end: usize, mut number: u32| {
            for digit in text[..end].iter_mut().rev() {
                if !digit.is_ascii_digit() || number == 0 {
                    break;
                }
                *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        put(4, t.year().unsigned_abs());
        put(7, u8::from(t.month()).into());
        put(10, t.day().into());
        put(13, t.hour().into());
        put(16, t.minute().into());
        put(19, t.second().into());
        put(26, t.microsecond());
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text_in(&mut [0; TEXT]))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros_of(rhs)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros_of(rhs)))
    }
}

/// Where the present comes from.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let micros = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        Timestamp::from_micros(micros)
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.micros()))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros_of(by), Ordering::SeqCst);
    }

    /// Sets it, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_fixed_width_and_round_trips() {
        let t = Timestamp::from_micros(1_700_000_000_000_007);
        assert_eq!(t.to_string(), "2023-11-14T22:13:20.000007Z");
        assert_eq!(Timestamp::parse_rfc3339(&t.to_string()), Ok(t));
    }

    #[test]
    fn offsets_are_understood_and_nonsense_is_refused() {
        let t = Timestamp::parse_rfc3339("1970-01-01T01:00:01+01:00").expect("valid");
        assert_eq!(t.unix_seconds(), 1);
        assert!(Timestamp::parse_rfc3339("yesterday").is_err());
        assert!(Timestamp::parse_rfc3339("1969-12-31T23:59:59Z").is_err());
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH - Duration::from_secs(9), Timestamp::EPOCH);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn seconds_round_in_the_asked_direction() {
        let t = Timestamp::from_micros(1_000_001);
        assert_eq!((t.unix_seconds(), t.unix_seconds_ceil()), (1, 2));
    }
}
