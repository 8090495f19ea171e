//! In-process stores: for one node, and for tests.
//!
//! * Memory is bounded by configuration. Idle keys go first; locks and windows with something in them are
//!   never evicted. When there is still no room, the stores get stricter, never looser.
//! * Hash tables are keyed at random, so that nobody can choose keys that collide (A39).
//! * The arithmetic is that of `hardening`: these files only keep its numbers.

pub mod attempts;
pub mod mark;
pub mod quotas;
pub mod sessions;
pub(crate) mod sessions_cache;
mod sessions_recent;
mod sessions_record;
