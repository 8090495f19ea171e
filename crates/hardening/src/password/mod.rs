//! Passwords: which are accepted, how they are stored, and how they are verified without letting anybody
//! spend the machine's memory or time.
//!
//! * [`PasswordPolicy`]: length, guessability, context words, an operator's breached list; no composition
//!   rules, no trimming, no forced change (NIST SP 800-63B-4, 3.1.1.2; ASVS 5.0, 6.2).
//! * [`HashPool`]: Argon2id (RFC 9106) on its own threads, as many hashes at once as threads, each thread
//!   with one work area that is reused, behind a bounded queue. A full queue is [`Busy`], never a wait without
//!   end (security requirement A38).
//! * Verifying needs a [`Reservation`](crate::lockout::Reservation): a check that forgot its rate limit does
//!   not compile.
//! * Unknown accounts, accounts without a password and damaged hashes cost the same work as a wrong password.
//!   Hashes of an adopted database (bcrypt) cost theirs until they are upgraded by the next sign-in.
//!
//! ```
//! use hardening::password::{PasswordPolicy, normalise};
//! let policy = PasswordPolicy::default();
//! assert!(policy.check(&normalise("correct horse battery staple"), &[]).is_ok());
//! let refusal = policy.check(&normalise("Password1"), &[]).unwrap_err();
//! assert_eq!(refusal.code(), "password_too_short");
//! ```

mod normalise;
mod params;
mod phc;
mod policy;
mod pool;
mod queue;
mod work;

pub use normalise::normalise;
pub use params::Argon2Params;
pub use policy::{BreachedPasswords, MAX_LENGTH, PasswordPolicy, PasswordRefusal};
pub use pool::{Busy, HashPool, Verdict, suggested_queue};
