//! Limits on traffic: so many requests of one kind, by one person or address, in so long.
//!
//! * The application says, request by request, which quotas it takes from ([`TrafficLimits`]); the store
//!   takes from all of them at once or from none.
//! * Every limited response carries the numbers of the tightest quota: `X-RateLimit-Limit`, `-Remaining`,
//!   `-Reset`, `RateLimit` and `RateLimit-Policy`. A handler's own numbers (of a limit on credentials) stay.
//!   A refusal is a 429 with `Retry-After` (RFC 6585, 4).
//! * When the store cannot tell, the request is refused with 503: a limit that is not counted is none. A
//!   store that can go on by itself for a while does so behind its port.
//! * What an earlier layer has taken together with something else (a session's look-up) it leaves as
//!   [`TrafficTaken`]: that decision counts, and nothing is taken twice.
//! * This is not the place for limits on passwords and codes: those reserve an attempt before it is checked
//!   and give it back on success (`hardening::lockout`).
//!
//! ```
//! use std::time::Duration;
//! use hardening::rate_limit::Quota;
//! use hardening_tower::rate_limit::TrafficLimits;
//!
//! let per_minute = Quota { limit: 100, window: Duration::from_secs(60) };
//! let limits = TrafficLimits::default().and("api-reads", "reads:person_1", per_minute);
//! assert_eq!(limits.policy(0), "api-reads");
//! ```

mod drawn;
mod layer;
mod limits;
mod service;

pub use drawn::{Draw, Drawn, write_numbers};
pub use layer::RateLimitLayer;
pub use limits::{TrafficLimits, TrafficTaken};
pub use service::RateLimitService;
