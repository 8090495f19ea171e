//! Resetting a forgotten password by a mailed link.
//!
//! * Asking stores one row and nothing else, whoever has the address: what follows is done off the request's path
//!   ([`work_off`]), so that the answer and its time tell nothing (OWASP Forgot Password cheat sheet; ASVS 5.0, 6.3.8).
//! * A link is 256 random bits, lives an hour, works once; the newest three live side by side, so that a stranger's
//!   requests cannot void the owner's mail, and the first one that is used voids the others.
//! * A reset leaves no session and no known device. It lifts locks for wrong passwords and forgets their count, but
//!   neither removes the second factor nor lifts a lock for its codes (ASVS 5.0, 6.4.3), and signs nobody in.

mod confirm;
mod request;

pub use confirm::{confirm, masked_address_of};
pub use request::{WorkedOff, request, work_off};

/// The route whose limits apply to asking.
pub const REQUEST_ROUTE: &str = "/api/auth/password-reset-request";
/// The route whose limits apply to setting the new password.
pub const CONFIRM_ROUTE: &str = "/api/auth/password-reset-confirm";

/// What everybody is told who asks.
pub const ASKED: &str = "If this address has an account, a mail with a link is on its way. The link sets a new password, \
and works for a limited time.";
/// What is told when the password is set.
pub const DONE: &str =
    "The password was changed, and every device was signed out. Sign in with the new password.";
