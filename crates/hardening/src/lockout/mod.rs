//! Exact limits on guessing: how often a password, code or token may be tried, and what happens then.
//!
//! * An attempt is *reserved* before the check and *settled* after it. Kept entries and pending
//!   reservations together never exceed the limit, so no burst, however parallel, gets more tries than a
//!   patient attacker (security requirement A05).
//! * [`Reservation`] is the proof that the limiter was asked. Whoever judges a credential takes a
//!   reference to one, so a second path that forgets the limit does not compile.
//! * A reservation that is never settled (the client hung up, the node died) counts as used once its
//!   lease has lapsed: what we cannot tell counts against the attempt, never for it.
//! * A lock replaces its counter. Attempts during a lock never extend it, it ends to the microsecond, and
//!   the budget is fresh afterwards. Over a lock that is shorter than its window the limit is therefore
//!   *limit per lock*, not *limit per window*; choose `lockout >= window`, as the defaults do.
//! * An attempt that was under way when a lock began and is judged during it counts after the lock, for the
//!   rest of its window.
//!
//! What the deployment must ensure: one [`AttemptStore`] for all nodes, clocks that agree, and a request
//! timeout shorter than [`DEFAULT_LEASE`], so that nothing is judged after its lease has lapsed.

mod budget;
mod gate;
mod settled;
mod store;
mod unlimited;
pub mod window;

pub use budget::{Budget, BudgetState};
pub use gate::{DEFAULT_LEASE, Gate, Reservation};
pub use settled::{Denied, DeniedKind, Settled};
pub use store::{AttemptStore, ReserveOutcome, Settlement};
pub use unlimited::UnlimitedAttempts;
