//! The second factor: enrolling, the second step of signing in, giving it up, and who must have one.
//!
//! * A session's assurance says whether a second factor was given ([`hardening::session::Assurance`]). What an
//!   organization asks for is compared with it at every request ([`policy::PolicyBook`]), on whatever route.
//! * A code passes its limiter before it is looked at, and is spent by storage in one statement. Wrong ones are
//!   counted per account for ever: after a hundred in a row an app's codes are refused until an admin resets the
//!   second factor; recovery codes go on working (NIST SP 800-63B-4, 3.2.2).
//! * A second factor that is being set up is kept apart: it never touches an active one.

pub mod enrol;
pub mod manage;
pub mod notices;
pub mod operator;
pub mod policy;
pub mod policy_admin;
pub mod report;
pub mod rotate;
mod rules;
pub mod sign_in_step;
mod spend;

use hardening::clock::Timestamp;

use crate::context::Principal;
use crate::error::Error;
use crate::services::Services;

pub use rules::SecondFactorRules;
pub(crate) use spend::{Attempt, Place};

/// From so few unused recovery codes on people are told to make new ones.
pub const FEW_RECOVERY_CODES: u32 = 3;

/// The second factor of the person who asks.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether it is active.
    pub enabled: bool,
    /// Since when.
    pub verified_at: Option<Timestamp>,
    /// Unused recovery codes.
    pub recovery_codes_left: u32,
    /// Whether too many wrong codes switched the app's codes off.
    pub app_codes_off: bool,
    /// Whether the organization asks this person for one, now or from the deadline on.
    pub required: bool,
    /// From when on nothing else works without.
    pub deadline: Option<Timestamp>,
    /// Days until then, begun ones included.
    pub days_left: Option<u64>,
}

/// How one's own second factor stands.
pub async fn status(services: &Services, principal: &Principal) -> Result<Status, Error> {
    let state = services.two_factor.state_of(principal.person_id()).await?;
    let policy = services.policies.of(principal.org_id());
    let policy = policy.filter(|policy| policy.concerns(&principal.session.roles));
    let deadline = policy.as_ref().and_then(|policy| policy.deadline);
    Ok(Status {
        enabled: state.enabled,
        verified_at: state.verified_at,
        recovery_codes_left: state.recovery_codes_left,
        app_codes_off: state.enabled && state.wrong_in_a_row >= services.settings.wrong_codes_max,
        required: policy.is_some(),
        deadline,
        days_left: deadline.map(|until| policy::days_left(until, services.clock.now())),
    })
}
