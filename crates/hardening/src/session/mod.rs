//! Server-side sessions: revocable at once, bounded in number, bound to a credential epoch.
//!
//! * The bearer is a signed token ([`token`]) that names person and session; it is worthless without the
//!   server-side record (OWASP Session Management; ASVS 5.0, 7.2).
//! * A session ends at its absolute expiry, after its idle time, or when it is ended; whichever is first.
//! * [`Session::credential_epoch`] is the person's epoch at sign-in. Whoever raises the epoch in the database
//!   ends every older session, whatever a cache or a restored store believes.

mod recent_tokens;
mod record;
mod store;
pub mod token;

pub use record::{Assurance, ClientDescription, Session, SessionId};
pub use store::{Followed, RevocationMark, SessionStore, resume_then_take};
