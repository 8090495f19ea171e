//! The two ways a use case does not succeed.

use std::collections::BTreeMap;
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::fault::Fault;

/// Field name → what is wrong with it, as sentences for people.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// What a refused code says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeHint {
    /// Nothing.
    None,
    /// It, or a later one, was used already.
    Used,
    /// It was the right one some time ago.
    Late {
        /// How long ago.
        by: Duration,
        /// What this server's clock says.
        server_time: Timestamp,
    },
}

impl std::fmt::Display for CodeHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("The code is not right, or was used already."),
            Self::Used => f.write_str("This code was used already; wait for the next one."),
            Self::Late { by, server_time } => write!(
                f,
                "This code was the right one {} ago, so a clock is wrong: let your device set its time by itself. \
                 This server's clock says {server_time}.",
                hardening::lockout::spoken_duration(*by)
            ),
        }
    }
}

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
    /// A wrong code inside a session.
    #[error("{0}")]
    WrongCode(CodeHint),
    /// A wrong code while signing in.
    #[error("{0}")]
    WrongSignInCode(CodeHint),
    /// A temporary token that is unknown, spent or over.
    #[error("The temporary token is not valid: it was used, or its time is over. Sign in again.")]
    TemporaryTokenInvalid,
    /// The organization asks for a second factor, and there is none yet.
    #[error(
        "Your organization requires two-factor authentication. Set it up at /api/auth/2fa/enable before anything else."
    )]
    TwoFactorSetupRequired,
    /// There is an active second factor.
    #[error("Two-factor authentication is active already; to change the device, disable it first.")]
    TwoFactorAlreadyEnabled,
    /// There is no active second factor.
    #[error("Two-factor authentication is not active.")]
    TwoFactorNotEnabled,
    /// Nothing waits to be confirmed.
    #[error(
        "There is nothing to confirm: begin with POST /api/auth/2fa/enable, and confirm within 15 minutes."
    )]
    TwoFactorNotStarted,
    /// Resetting one's own second factor would go round the code.
    #[error("Your own second factor is removed with a code, at /api/auth/2fa/disable; or by another admin.")]
    OwnSecondFactor,
    /// Signed in, but without the right.
    #[error("Your roles do not allow this; it needs the role admin.")]
    Forbidden,
    /// Too many wrong codes in a row.
    #[error(
        "Too many wrong codes in a row: codes from your app are switched off. Give a recovery code, or ask an admin to reset the second factor."
    )]
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
        "wrong_code",
        "2fa_setup_required",
        "2fa_already_enabled",
        "2fa_not_enabled",
        "2fa_not_started",
        "own_second_factor",
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
            Self::InvalidCredentials | Self::WrongSignInCode(_) | Self::TemporaryTokenInvalid => {
                "invalid_credentials"
            }
            Self::Unauthenticated => "unauthenticated",
            Self::StepUpRequired => "step_up_required",
            Self::WrongPassword => "wrong_password",
            Self::Forbidden => "forbidden",
            Self::WrongCode(_) => "wrong_code",
            Self::TwoFactorSetupRequired => "2fa_setup_required",
            Self::TwoFactorAlreadyEnabled => "2fa_already_enabled",
            Self::TwoFactorNotEnabled => "2fa_not_enabled",
            Self::TwoFactorNotStarted => "2fa_not_started",
            Self::OwnSecondFactor => "own_second_factor",
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
