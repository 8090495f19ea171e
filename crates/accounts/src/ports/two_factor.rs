//! The second factor of people, the steps of signing in that wait for it, and who must have one.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;
use hardening::two_factor::RecoveryCodeHash;

use crate::error::Error;
use crate::model::{Lock, Page, Person};
use crate::outbox::Mail;
use crate::two_factor::policy::TwoFactorPolicy;

/// How a person's second factor stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whether it is asked for.
    pub enabled: bool,
    /// The secret of the app, as a Fernet token.
    pub totp_secret: Option<String>,
    /// Since when it is active.
    pub verified_at: Option<Timestamp>,
    /// The last time step that was used: it and older ones are refused.
    pub last_step: i64,
    /// Wrong codes since the last right one.
    pub wrong_in_a_row: i64,
    /// Unused recovery codes.
    pub recovery_codes_left: u32,
}

/// A second factor that is not active yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret, as a Fernet token.
    pub totp_secret: String,
    /// What is stored of the recovery codes.
    pub recovery_codes: Vec<RecoveryCodeHash>,
    /// Now.
    pub created_at: Timestamp,
    /// When it is forgotten; exclusive.
    pub expires_at: Timestamp,
}

/// What a waiting step of a sign-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepPurpose {
    /// Giving a code.
    Verify,
    /// Setting a second factor up.
    SetUp,
}

impl StepPurpose {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::SetUp => "set_up",
        }
    }
}

/// A sign-in whose password was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingStep {
    /// SHA-256 of the temporary token.
    pub token: TokenHash,
    /// What it opens.
    pub purpose: StepPurpose,
    /// Whose.
    pub person_id: String,
    /// The epoch the password was checked at.
    pub credential_epoch: i64,
    /// The known device it came from.
    pub device_id: Option<String>,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends; exclusive.
    pub expires_at: Timestamp,
}

/// What was given and looks right. Storage decides whether it still is: a code is spent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The app's code of this time step.
    App(i64),
    /// A recovery code: what may be stored of it.
    Recovery(Vec<RecoveryCodeHash>),
}

/// A code to be spent.
#[derive(Clone, Debug)]
pub struct Spending {
    /// Whose.
    pub person_id: String,
    /// The epoch all was read at; when it has moved on, nothing is stored ([`crate::Refusal::Conflict`]).
    pub credential_epoch: i64,
    /// What was given.
    pub proof: Proof,
    /// From so many wrong ones in a row on no code of the app is right any more.
    pub wrong_in_a_row_max: i64,
    /// Now.
    pub at: Timestamp,
}

/// A code that was wrong.
#[derive(Clone, Debug)]
pub struct WrongCode {
    /// Whose.
    pub person_id: String,
    /// The count that was read; when it has moved on, nothing is stored ([`crate::Refusal::Conflict`]).
    pub seen_in_a_row: i64,
    /// Locks this one led to.
    pub locks: Vec<Lock>,
    /// Now.
    pub at: Timestamp,
}

/// A second factor to be activated.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Whose.
    pub person_id: String,
    /// The epoch all was read at; it is raised by one.
    pub credential_epoch: i64,
    /// What was read; when it was replaced meanwhile, nothing is stored ([`crate::Refusal::Conflict`]).
    pub enrolment: Enrolment,
    /// The time step that was used to confirm it.
    pub used_step: i64,
    /// The step of a sign-in that ends with it.
    pub spent_step: Option<TokenHash>,
    /// Now.
    pub at: Timestamp,
}

/// Second factors. Never loses anything. What reads as a code is spent by one statement with its condition, so
/// that of any number of tries at once, on whatever node, one succeeds; all others are
/// [`crate::Refusal::WrongCode`].
#[async_trait]
pub trait TwoFactorStore: Send + Sync {
    /// How it stands; everything empty for people without one.
    async fn state_of(&self, person_id: &str) -> Result<SecondFactor, Fault>;

    /// Stores that a password was right, and a better hash of it. Opens nothing, so there is no event.
    async fn begin_step(&self, step: &PendingStep, upgraded_hash: Option<String>) -> Result<(), Error>;

    /// The waiting step, if its time is not over at `now`. Spends nothing.
    async fn pending_step(
        &self,
        token: &TokenHash,
        purpose: StepPurpose,
        now: Timestamp,
    ) -> Result<Option<PendingStep>, Fault>;

    /// Spends a code, and with it the step of the sign-in that waits for it
    /// ([`crate::Refusal::TemporaryTokenInvalid`] when that is gone).
    async fn spend_code(
        &self,
        spending: Spending,
        step: Option<TokenHash>,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Counts a wrong code, and stores the locks it led to.
    async fn record_wrong_code(&self, wrong: WrongCode, trail: Trail, mails: Vec<Mail>) -> Result<(), Error>;

    /// Stores a second factor that is not active yet, in place of an earlier one that is not. Refuses people with an
    /// active one ([`crate::Refusal::TwoFactorAlreadyEnabled`]), whose own stays as it is.
    async fn begin_enrolment(
        &self,
        person_id: &str,
        enrolment: &Enrolment,
        trail: Trail,
    ) -> Result<(), Error>;

    /// What waits to be confirmed at `now`.
    async fn enrolment_of(&self, person_id: &str, now: Timestamp) -> Result<Option<Enrolment>, Fault>;

    /// Makes it the active one, and raises the epoch.
    async fn activate(&self, activation: Activation, trail: Trail, mails: Vec<Mail>) -> Result<(), Error>;

    /// Spends a code and removes the second factor; raises the epoch.
    async fn disable(&self, spending: Spending, trail: Trail, mails: Vec<Mail>) -> Result<(), Error>;

    /// Removes the one that waits to be confirmed. Refuses where there is none
    /// ([`crate::Refusal::TwoFactorNotEnabled`]), and where one became active ([`crate::Refusal::Conflict`]).
    async fn forget_enrolment(&self, person_id: &str, trail: Trail) -> Result<(), Error>;

    /// Removes the second factor without a code; raises the epoch. Refuses where none is active
    /// ([`crate::Refusal::TwoFactorNotEnabled`]).
    async fn reset(
        &self,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Spends a code and replaces the recovery codes.
    async fn replace_recovery_codes(
        &self,
        spending: Spending,
        fresh: &[RecoveryCodeHash],
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Every secret that is stored, of active and of waiting second factors, by person id: at most `limit` after
    /// `after`.
    async fn stored_secrets(&self, after: &str, limit: u32) -> Result<Vec<StoredSecret>, Fault>;

    /// How many [`Self::stored_secrets`] there are.
    async fn count_secrets(&self) -> Result<i64, Fault>;

    /// Puts the same secrets under another key, if they are still what was read; false when not.
    async fn replace_secret(&self, before: &StoredSecret, after: &StoredSecret) -> Result<bool, Fault>;
}

/// The secrets of a person, as Fernet tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Whose.
    pub person_id: String,
    /// Of the active second factor.
    pub active: Option<String>,
    /// Of the one that waits to be confirmed.
    pub waiting: Option<String>,
}

/// A policy with when it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Whose.
    pub org_id: String,
    /// What it says.
    pub policy: TwoFactorPolicy,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// A person in the report of second factors.
#[derive(Clone, Debug)]
pub struct FactorRow {
    /// Who.
    pub person: Person,
    /// The organization's name.
    pub organization: String,
    /// Since when the second factor is active.
    pub verified_at: Option<Timestamp>,
    /// Unused recovery codes.
    pub recovery_codes_left: u32,
}

/// Who must have a second factor, and who has one.
#[async_trait]
pub trait TwoFactorPolicyStore: Send + Sync {
    /// An organization's policy, if one was ever set.
    async fn policy_of(&self, org_id: &str) -> Result<Option<StoredPolicy>, Fault>;

    /// Replaces it, if it was last set at `seen`.
    async fn set_policy(
        &self,
        fresh: &StoredPolicy,
        seen: Option<Timestamp>,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Those set at or after `since`.
    async fn policies_since(&self, since: Timestamp) -> Result<Vec<StoredPolicy>, Fault>;

    /// Active people of an organization without a second factor: a page, by id.
    async fn people_without(&self, org_id: &str, page: &Page) -> Result<Vec<Person>, Fault>;

    /// How many there are.
    async fn count_without(&self, org_id: &str) -> Result<i64, Fault>;

    /// Everybody of one organization or all, by person id.
    async fn factors(&self, org_id: Option<&str>, page: &Page) -> Result<Vec<FactorRow>, Fault>;
}
