//! The rules of an accounts server, and the ports they need: rate limits and lockouts, sessions, CSRF,
//! passwords, audit events, security headers, sanitising. Pure: no HTTP, SQL, Redis or runtime in here,
//! so any Rust program can use it.

pub mod audit;
pub mod client_address;
pub mod clock;
pub mod csrf;
pub mod device;
pub mod email;
pub mod entropy;
pub mod fault;
pub mod headers;
pub mod hex;
pub mod idempotency;
pub mod key_check;
pub mod keys;
pub mod lockout;
pub mod one_time_token;
pub mod password;
pub mod rate_limit;
pub mod sanitise;
pub mod secret;
pub mod session;
pub mod shared_clock;
pub mod text;
#[cfg(feature = "two_factor")]
pub mod two_factor;
