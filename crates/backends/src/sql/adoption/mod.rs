//! Adoption: living in a database that another program made (the Python original, by SQLAlchemy and Alembic).
//!
//! * `people`, `organizations`, `user_security_settings` and `audit_logs` are shared: what is missing in them is
//!   added, no row is changed, and columns of theirs that we do not know stay. Any other table of theirs with a name
//!   of ours is left alone, and ours gets a prefix.
//! * What cannot fit is refused before anything is changed, all of it at once ([`check`]).
//! * What was decided is kept in `signupflow_adopted`, with its way back, in the same transaction as the migration it
//!   belongs to. A database that nobody else made has no such table, and its statements run as they are written.
//! * The stores know nothing of it: [`Adaptation`] changes the texts at the seam.

mod adaptation;
mod apply;
mod check;
mod constraints;
mod emails;
mod present;
mod records;
mod samples;
mod script;

pub(super) use adaptation::Adaptation;
pub(super) use apply::{down, up};
pub use check::Plan;
pub(super) use check::plan;
pub(super) use records::{forget_table, load};

use present::Present;

/// Tables that we share with the program that made them.
const SHARED: [&str; 4] = ["organizations", "people", "user_security_settings", "audit_logs"];
/// What goes before a name of ours that is taken.
const PREFIX: &str = "signupflow_";
