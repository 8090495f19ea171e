//! The two ways a use case does not succeed.

use std::collections::BTreeMap;
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use wording::Message;

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

impl CodeHint {
    fn message(&self) -> Message {
        match self {
            Self::None => Message::new("detail-code-not-right"),
            Self::Used => Message::new("detail-code-used"),
            Self::Late { by, server_time } => {
                Message::new("detail-code-late").with("ago", *by).with("time", server_time.to_string())
            }
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

/// An expected "no". Each has a stable [`code`](Refusal::code) and a [`message`](Refusal::message) for people; shown
/// with `{}`, that is in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Fields that cannot be accepted.
    InvalidInput(FieldErrors),
    /// Unknown address, wrong password, or an account that may not sign in: never told apart.
    InvalidCredentials,
    /// No live session.
    Unauthenticated,
    /// A session that must be made fresh.
    StepUpRequired,
    /// A wrong password inside a session.
    WrongPassword,
    /// A wrong code inside a session.
    WrongCode(CodeHint),
    /// A wrong code while signing in.
    WrongSignInCode(CodeHint),
    /// A temporary token that is unknown, spent or over.
    TemporaryTokenInvalid,
    /// The organization asks for a second factor, and there is none yet.
    TwoFactorSetupRequired,
    /// There is an active second factor.
    TwoFactorAlreadyEnabled,
    /// There is no active second factor.
    TwoFactorNotEnabled,
    /// Nothing waits to be confirmed.
    TwoFactorNotStarted,
    /// Resetting one's own second factor would go round the code.
    OwnSecondFactor,
    /// Signed in, but without the right.
    Forbidden,
    /// Too many wrong codes in a row.
    SecondFactorUnavailable,
    /// The app's secret is missing, or no key opens it: no code of the app can be judged.
    SecondFactorUnreadable {
        /// Whose, for the log.
        person_id: String,
    },
    /// Nothing by that id in the caller's organization.
    NotFound(&'static str),
    /// The address has an account already.
    EmailTaken,
    /// A team of that name exists.
    NameTaken,
    /// The last active admin.
    LastAdmin,
    /// Other admins are left.
    OtherAdmins,
    /// The organization takes no one without an invitation.
    SignupClosed,
    /// The invitation is for somebody else.
    InvitationForOther,
    /// An invitation for that address is open already.
    InvitationOpen,
    /// Somebody else changed it meanwhile.
    Conflict,
    /// A mailed token that is wrong, used or expired.
    TokenInvalid,
    /// An account, device or session's person is locked for failed attempts.
    Locked {
        /// The sentence, with the set duration.
        detail: Message,
        /// What remains.
        retry_after: Duration,
        /// The limit that was reached.
        limit: u32,
        /// Its window.
        window: Duration,
    },
    /// A limit on requests was reached.
    RateLimited {
        /// The sentence.
        detail: Message,
        /// What remains.
        retry_after: Duration,
        /// The limit that was reached.
        limit: u32,
        /// Its window.
        window: Duration,
    },
    /// The server has as many password checks waiting as it takes.
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
            Self::SecondFactorUnavailable | Self::SecondFactorUnreadable { .. } => {
                "second_factor_unavailable"
            }
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

    /// What to say about it: where there is nothing closer to say, the sentence of its code.
    pub fn message(&self) -> Message {
        match self {
            Self::InvalidCredentials => Message::new("detail-wrong-email-or-password"),
            Self::TemporaryTokenInvalid => Message::new("detail-temporary-token"),
            Self::SecondFactorUnreadable { .. } => Message::new("detail-second-factor-unreadable"),
            Self::WrongCode(hint) | Self::WrongSignInCode(hint) => hint.message(),
            Self::NotFound(what) => Message::new("detail-no-such").with("what", *what),
            Self::Locked { detail, .. } | Self::RateLimited { detail, .. } => detail.clone(),
            Self::Busy => Message::new("detail-busy-with-passwords"),
            other => Message::of_code(other.code()),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.message().fmt(formatter)
    }
}

impl std::error::Error for Refusal {}
