//! The two ways a use case does not succeed.

use std::collections::BTreeMap;
use std::time::Duration;

use hardening::fault::Fault;

/// Field name → what is wrong with it, as sentences for people.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// A refusal, or a fault of a backend.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// An expected "no".
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A backend failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// An expected "no". Each has a stable [`code`](Refusal::code); the sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fields that cannot be accepted.
    #[error("Some fields cannot be accepted; see errors for each of them.")]
    InvalidInput(FieldErrors),
    /// Unknown address, wrong password, or an account that may not sign in: never told apart.
    #[error("The e-mail address or the password is not right.")]
    InvalidCredentials,
    /// No live session.
    #[error("Sign in first: there is no session, or it has ended.")]
    Unauthenticated,
    /// A session that must be made fresh.
    #[error("This needs your password again: POST it to /api/auth/reauthenticate, then repeat the request.")]
    StepUpRequired,
    /// A wrong password inside a session.
    #[error("The password is not right.")]
    WrongPassword,
    /// Signed in, but without the right.
    #[error("Your roles do not allow this; it needs the role admin.")]
    Forbidden,
    /// A second factor is active, and this server cannot check it yet.
    #[error("This account has a second factor, which this server cannot check; sign-in is refused.")]
    SecondFactorUnavailable,
    /// Nothing by that id in the caller's organization.
    #[error("There is no such {0} here.")]
    NotFound(&'static str),
    /// The address has an account already.
    #[error("This e-mail address already has an account.")]
    EmailTaken,
    /// A team of that name exists.
    #[error("A team of this name already exists.")]
    NameTaken,
    /// The last active admin.
    #[error("This is the organization's last admin, who can be neither demoted, locked nor deleted.")]
    LastAdmin,
    /// Other admins are left.
    #[error("Other admins are left; only an organization's last admin can delete it.")]
    OtherAdmins,
    /// The organization takes no one without an invitation.
    #[error("This organization takes new people by invitation only.")]
    SignupClosed,
    /// The invitation is for somebody else.
    #[error("This invitation is for another e-mail address; sign up with the address it was mailed to.")]
    InvitationForOther,
    /// An invitation for that address is open already.
    #[error("An invitation for this e-mail address is already open; revoke it first.")]
    InvitationOpen,
    /// Somebody else changed it meanwhile.
    #[error("Somebody else changed this at the same moment; read it again and repeat.")]
    Conflict,
    /// A mailed token that is wrong, used or expired.
    #[error("This link is not valid: it was used, has expired, or was not copied whole.")]
    TokenInvalid,
    /// An account, device or session's person is locked for failed attempts.
    #[error("{detail}")]
    Locked {
        /// The sentence, with the set duration.
        detail: String,
        /// What remains.
        retry_after: Duration,
        /// The limit that was reached.
        limit: u32,
        /// Its window.
        window: Duration,
    },
    /// A limit on requests was reached.
    #[error("{detail}")]
    RateLimited {
        /// The sentence.
        detail: String,
        /// What remains.
        retry_after: Duration,
        /// The limit that was reached.
        limit: u32,
        /// Its window.
        window: Duration,
    },
    /// The server has as many password checks waiting as it takes.
    #[error("The server is busy checking passwords; try again in a moment.")]
    Busy,
}

impl Refusal {
    /// Every code, for the registry of problems.
    pub const CODES: &'static [&'static str] = &[
        "invalid_input",
        "invalid_credentials",
        "unauthenticated",
        "step_up_required",
        "wrong_password",
        "forbidden",
        "second_factor_unavailable",
        "not_found",
        "email_taken",
        "name_taken",
        "last_admin",
        "other_admins",
        "signup_closed",
        "invitation_for_other",
        "invitation_open",
        "conflict",
        "token_invalid",
        "account_locked",
        "rate_limited",
        "busy",
    ];

    /// One field and what is wrong with it.
    pub fn field(name: &str, sentence: impl Into<String>) -> Self {
        Self::InvalidInput(FieldErrors::from([(name.to_owned(), vec![sentence.into()])]))
    }

    /// The stable code of the problem document.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput(_) => "invalid_input",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Unauthenticated => "unauthenticated",
            Self::StepUpRequired => "step_up_required",
            Self::WrongPassword => "wrong_password",
            Self::Forbidden => "forbidden",
            Self::SecondFactorUnavailable => "second_factor_unavailable",
            Self::NotFound(_) => "not_found",
            Self::EmailTaken => "email_taken",
            Self::NameTaken => "name_taken",
            Self::LastAdmin => "last_admin",
            Self::OtherAdmins => "other_admins",
            Self::SignupClosed => "signup_closed",
            Self::InvitationForOther => "invitation_for_other",
            Self::InvitationOpen => "invitation_open",
            Self::Conflict => "conflict",
            Self::TokenInvalid => "token_invalid",
            Self::Locked { .. } => "account_locked",
            Self::RateLimited { .. } => "rate_limited",
            Self::Busy => "busy",
        }
    }
}
