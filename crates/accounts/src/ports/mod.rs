//! The ports: what the use cases need of storage, each verb atomic and durable when it returns.
//!
//! * A verb that changes something takes the [`hardening::audit::Trail`] of the change and stores both in one
//!   transaction, with the mails the change causes.
//! * A verb answers [`crate::Refusal`] where its guard did not hold (taken, last admin, spent, changed
//!   meanwhile), decided inside the transaction; [`hardening::fault::Fault`] where the backend failed.

mod accounts;
mod audit_log;
mod groups;
mod organizations;
mod outbox;
mod password_resets;
mod people;
mod receipts;
mod two_factor;

pub use accounts::{
    AccountStore, FailedSignIn, NewOrganization, NewPerson, OneTimeGrant, RevocationChanges, SuccessfulSignIn,
};
pub use audit_log::{AuditCursor, AuditFilter, AuditLog, AuditPage, AuditRow, AuditRows};
pub use groups::{EventStore, InvitationStore, TeamStore};
pub use organizations::OrganizationStore;
pub use outbox::{Backlog, DueMail, MailStatus, Mailer, Outbox, OutboxRow, Undelivered};
pub use password_resets::{KnownLink, PasswordReset, PasswordResetStore, ResetRequest};
pub use people::{PeopleStore, PersonPatch};
pub use receipts::{Receipts, StoredAnswer, StoredReceipt};
pub use two_factor::{
    Activation, Enrolment, FactorRow, PendingStep, Proof, SecondFactor, Spending, StepPurpose, StoredPolicy,
    StoredSecret, TwoFactorPolicyStore, TwoFactorStore, WrongCode,
};
