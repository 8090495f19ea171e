//! What a mail is about, as it is stored.

use hardening::clock::Timestamp;
use hardening::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::two_factor::notices::News;

/// What a mail is about, with what its text needs. Link tokens are live secrets until the mail is delivered:
/// storage encrypts them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Too many failed sign-ins.
    AccountLocked {
        /// Opens the account again.
        unlock_token: String,
        /// The set duration, in seconds.
        locked_for_seconds: u64,
        /// Whether one known device is locked, and not everybody else.
        #[serde(default)]
        known_device: bool,
        /// From where the last failure came.
        ip_address: String,
    },
    /// The password was replaced.
    PasswordChanged {
        /// Locks the account.
        not_me_token: String,
        /// From where.
        ip_address: String,
    },
    /// Somebody asked for a way to set a new password.
    PasswordReset {
        /// Sets a new password.
        reset_token: String,
        /// How long the link works, in seconds.
        valid_for_seconds: u64,
        /// From where it was asked for.
        ip_address: String,
    },
    /// An invitation to join.
    Invitation {
        /// Accepts it.
        invitation_token: String,
        /// Into which organization.
        organization: String,
        /// Its id; mails of older versions do not know it.
        #[serde(default)]
        org_id: Option<String>,
        /// By whom.
        invited_by: String,
    },
    /// A sign-in made a device known that was not.
    NewDevice {
        /// Locks the account.
        not_me_token: String,
        /// Browser or tool, with its version; `unknown` if nothing is.
        browser: String,
        /// Operating system; `unknown` if it is.
        system: String,
        /// From where.
        ip_address: String,
    },
    /// Something happened to the second factor.
    SecondFactor {
        /// What.
        news: News,
        /// From where.
        ip_address: String,
    },
    /// For admins: a mail to one of their people was given up.
    Undeliverable {
        /// To whom it was.
        recipient: String,
        /// Its subject.
        subject: String,
        /// What the mail server said.
        answer: String,
    },
}

impl Content {
    /// The stable name of the kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccountLocked { .. } => "account_locked",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordReset { .. } => "password_reset",
            Self::Invitation { .. } => "invitation",
            Self::NewDevice { .. } => "new_device",
            Self::SecondFactor { news, .. } => news.kind(),
            Self::Undeliverable { .. } => "undeliverable",
        }
    }
}

/// A mail to be stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// `mail_…`
    pub id: String,
    /// Whose account it is about; none for invitations.
    pub person_id: Option<String>,
    /// Address as stored.
    pub recipient: String,
    /// BCP 47 tag.
    pub language: String,
    /// What it says.
    pub content: Content,
    /// After this it is not worth sending.
    pub expires_at: Timestamp,
    /// From when on it goes out without its link; none where it is worth nothing without. Mails of older versions do
    /// not know it.
    #[serde(default)]
    pub link_expires_at: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("id", &self.id)
            .field("kind", &self.content.kind())
            .finish_non_exhaustive()
    }
}

impl Mail {
    /// For encrypted storage.
    ///
    /// # Panics
    /// Never: strings and numbers always serialise.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        Secret::new(serde_json::to_vec(self).expect("strings and numbers always serialise"))
    }

    /// From encrypted storage.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
