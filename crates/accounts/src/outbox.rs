//! Mails: stored with the change that causes them, rendered and delivered off the request's path.

use std::fmt::Write as _;
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ports::{DueMail, MailStatus, Mailer};
use crate::services::Services;
use crate::two_factor::notices::News;

/// How long a claimed message is hidden from other nodes.
const CLAIM_LEASE: Duration = Duration::from_mins(2);
/// Attempts before a message is given up: with the back-off below, about three days.
const MAX_ATTEMPTS: u32 = 18;

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
        /// By whom.
        invited_by: String,
    },
    /// Something happened to the second factor.
    SecondFactor {
        /// What.
        news: News,
        /// From where.
        ip_address: String,
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
            Self::SecondFactor { news, .. } => news.kind(),
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

/// A mail ready to be handed over.
#[derive(Clone)]
pub struct RenderedMail {
    /// One address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The link in it, if there is one, for a development console.
    pub link: Option<String>,
    /// Now.
    pub date: Timestamp,
}

impl Mail {
    /// The text, with links on `public_url`.
    pub fn render(&self, public_url: &str) -> RenderedMail {
        let (subject, before, link, after) = match &self.content {
            Content::AccountLocked { unlock_token, locked_for_seconds, ip_address } => (
                "Your account was locked".to_owned(),
                format!(
                    "Somebody at {ip_address} failed to sign in to your account several times, so sign-in from \
                     unknown devices is locked for {}.\n\nIf it was you, unlock it with this link:",
                    hardening::lockout::spoken_duration(Duration::from_secs(*locked_for_seconds))
                ),
                format!("{public_url}/unlock?token={unlock_token}"),
                "If it was not you, nothing needs to be done: the password was not guessed. Devices that \
                 signed in before keep working.",
            ),
            Content::PasswordChanged { not_me_token, ip_address } => (
                "Your password was changed".to_owned(),
                format!(
                    "The password of your account was changed from {ip_address}, and every other device was \
                     signed out.\n\nIf this was not you, lock the account with this link:"
                ),
                format!("{public_url}/not-me?token={not_me_token}"),
                "If it was you, nothing needs to be done.",
            ),
            Content::PasswordReset { reset_token, valid_for_seconds, ip_address } => (
                "Set a new password".to_owned(),
                format!(
                    "Somebody at {ip_address} asked for a new password for your account. If it was you, set it \
                     within {} with this link:",
                    hardening::lockout::spoken_duration(Duration::from_secs(*valid_for_seconds))
                ),
                format!("{public_url}/reset-password?token={reset_token}"),
                "If it was not you, nothing needs to be done: your password stays as it is.",
            ),
            Content::Invitation { invitation_token, organization, invited_by } => (
                format!("Invitation to {organization}"),
                format!("{invited_by} invites you to join {organization}. Accept with this link:"),
                format!("{public_url}/invitation?token={invitation_token}"),
                "If you do not know what this is about, ignore this mail.",
            ),
            Content::SecondFactor { news, ip_address } => {
                return self.rendered(news.subject().to_owned(), news.text(ip_address), None);
            }
        };
        let mut text = before;
        let _ = write!(text, "\n\n{link}\n\n{after}\n");
        self.rendered(subject, text, Some(link))
    }

    fn rendered(&self, subject: String, text: String, link: Option<String>) -> RenderedMail {
        RenderedMail { to: self.recipient.clone(), subject, text, link, date: self.created_at }
    }
}

/// Delivers what is due, once; returns how many messages were handed over.
pub async fn deliver_due(services: &Services, mailer: &dyn Mailer) -> Result<usize, Error> {
    let now = services.clock.now();
    let due = services.outbox.claim(20, now, now + CLAIM_LEASE).await?;
    let mut delivered = 0;
    for message in due {
        delivered += usize::from(deliver_one(services, mailer, message).await?);
    }
    Ok(delivered)
}

async fn deliver_one(services: &Services, mailer: &dyn Mailer, due: DueMail) -> Result<bool, Error> {
    let now = services.clock.now();
    if now >= due.mail.expires_at {
        services.outbox.settle(&due.id, MailStatus::Expired, None, now).await?;
        return Ok(false);
    }
    match mailer.deliver(&due.id, &due.mail.render(&services.settings.public_url)).await {
        Ok(()) => {
            services.outbox.settle(&due.id, MailStatus::Delivered, None, now).await?;
            Ok(true)
        }
        Err(fault) if due.attempts + 1 >= MAX_ATTEMPTS => {
            services.outbox.settle(&due.id, MailStatus::Dead, Some(&fault.to_string()), now).await?;
            Ok(false)
        }
        Err(fault) => {
            let until = now + back_off(due.attempts);
            services.outbox.postpone(&due.id, until, &fault.to_string(), now).await?;
            Ok(false)
        }
    }
}

/// 10 s, 20 s, 40 s … at most six hours.
fn back_off(attempts: u32) -> Duration {
    let seconds = 10u64.saturating_mul(1u64 << attempts.min(20));
    Duration::from_secs(seconds.min(6 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Mail {
        Mail {
            id: "mail_1".into(),
            person_id: None,
            recipient: "bo@example.com".into(),
            language: "en".into(),
            content: Content::Invitation {
                invitation_token: "tok".into(),
                organization: "Acme".into(),
                invited_by: "Ann".into(),
            },
            expires_at: Timestamp::MAX,
            created_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn the_link_points_to_the_public_url_and_debug_hides_the_token() {
        let mail = invitation();
        assert!(mail.render("https://acc.example").text.contains("https://acc.example/invitation?token=tok"));
        assert!(!format!("{mail:?}").contains("tok"));
        assert_eq!(Mail::from_bytes(mail.to_bytes().expose()), Some(mail));
    }

    #[test]
    fn back_off_grows_and_is_bounded() {
        assert_eq!(back_off(0), Duration::from_secs(10));
        assert_eq!(back_off(3), Duration::from_secs(80));
        assert_eq!(back_off(60), Duration::from_hours(6));
    }
}
