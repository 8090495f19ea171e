//! What the server remembers of a session.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::entropy::{Entropy, random_bytes};

/// `session_` + 256 random bits. Not a secret by itself: the bearer also needs the server's signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(format!("session_{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>(entropy))))
    }

    /// Reads what a client sent; `None` unless it has the exact form.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix("session_")?;
        let well_formed =
            random.len() == 43 && random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How sure we are who it is (NIST SP 800-63B-4 authenticator assurance).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A password alone.
    Password,
    /// A password and a second factor.
    TwoFactor,
}

impl Assurance {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::TwoFactor => "two_factor",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::TwoFactor].into_iter().find(|a| a.as_str() == text)
    }
}

/// What the client said of itself, for the list of devices. At most 512 characters of user agent are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDescription {
    /// `desktop`, `mobile`, `tablet`, `api` or `unknown`.
    pub device_type: String,
    /// Such as `Firefox 128`.
    pub browser: String,
    /// Such as `Windows 10`.
    pub os: String,
    /// The address at sign-in.
    pub ip_address: String,
}

/// One signed-in device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub person_id: String,
    /// The person's organization.
    pub org_id: String,
    /// The person's address at sign-in, for audit rows.
    pub email: String,
    /// The person's roles; a change of roles ends the session, so they are never stale.
    pub roles: Vec<String>,
    /// How the person proved who it is.
    pub assurance: Assurance,
    /// The person's credential epoch at sign-in.
    pub credential_epoch: i64,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When a password was last given in this session: what "fresh" is counted from.
    pub authenticated_at: Timestamp,
    /// When it was last used.
    pub last_activity: Timestamp,
    /// Absolute end.
    pub expires_at: Timestamp,
    /// How long it may rest; zero means for ever.
    pub idle_timeout: Duration,
    /// The device.
    pub client: ClientDescription,
}

impl Session {
    /// Whether it may still be used: not after its absolute end, not rested too long. Both ends are
    /// exclusive: at the very moment it is over.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }

    /// When it ends if it is not used again.
    pub fn ends_at(&self) -> Timestamp {
        if self.idle_timeout.is_zero() {
            return self.expires_at;
        }
        self.expires_at.min(self.last_activity + self.idle_timeout)
    }

    /// Whether the password was given at most `window` ago: needed by sensitive acts (ASVS 5.0, 7.5.1).
    pub fn is_fresh(&self, now: Timestamp, window: Duration) -> bool {
        now < self.authenticated_at + window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    fn session() -> Session {
        let start = Timestamp::from_unix_seconds(1_000);
        Session {
            id: SessionId::generate(&OsEntropy),
            person_id: "person_1".into(),
            org_id: "org_1".into(),
            email: "a@example.com".into(),
            roles: vec![],
            assurance: Assurance::Password,
            credential_epoch: 0,
            created_at: start,
            authenticated_at: start,
            last_activity: start,
            expires_at: start + Duration::from_secs(100),
            idle_timeout: Duration::from_secs(30),
            client: ClientDescription::default(),
        }
    }

    #[test]
    fn it_ends_to_the_microsecond_idle_or_absolute() {
        let mut s = session();
        let at = |secs: i64, micros: i64| Timestamp::from_micros((1_000 + secs) * 1_000_000 + micros);
        assert!(s.is_live(at(29, 999_999)));
        assert!(!s.is_live(at(30, 0)));
        s.last_activity = at(99, 0);
        assert!(
            s.is_live(at(99, 999_999)) && !s.is_live(at(100, 0)),
            "activity cannot pass the absolute end"
        );
        s.idle_timeout = Duration::ZERO;
        s.last_activity = at(0, 0);
        assert!(s.is_live(at(99, 0)));
    }

    #[test]
    fn freshness_is_a_window() {
        let s = session();
        assert!(s.is_fresh(Timestamp::from_unix_seconds(1_009), Duration::from_secs(10)));
        assert!(!s.is_fresh(Timestamp::from_unix_seconds(1_010), Duration::from_secs(10)));
    }

    #[test]
    fn only_the_exact_form_is_an_id() {
        let id = SessionId::generate(&OsEntropy);
        assert_eq!(SessionId::parse(id.as_str()), Some(id.clone()));
        for bad in ["", "session_", "session_x", &id.as_str()[1..], &format!("{id}x"), &format!("{id} ")] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}
