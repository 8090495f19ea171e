//! The nouns: organizations, people, teams, events, invitations, locks.

use hardening::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// The role that grants rights. Every other role is a name of the organization's own.
pub const ADMIN: &str = "admin";
/// The role of those who join by themselves.
pub const VOLUNTEER: &str = "volunteer";

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonStatus {
    /// Yes.
    Active,
    /// An admin, or the owner's "this wasn't me", locked the account.
    Locked,
    /// Deleted and anonymised; the row stays for the trail.
    Deleted,
    /// Not a person: the reserved row.
    Reserved,
}

impl PersonStatus {
    const ALL: [Self; 4] = [Self::Active, Self::Locked, Self::Deleted, Self::Reserved];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Deleted => "deleted",
            Self::Reserved => "reserved",
        }
    }

    /// Reads the stored word; an unknown one means locked (fail closed).
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|s| s.as_str() == text).unwrap_or(Self::Locked)
    }
}

/// A person as admins see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `person_…`
    pub id: String,
    /// Their organization.
    pub org_id: String,
    /// As typed.
    pub name: String,
    /// As typed; none once anonymised.
    pub email: Option<String>,
    /// Sorted, unique.
    pub roles: Vec<String>,
    /// IANA name.
    pub timezone: String,
    /// BCP 47 tag.
    pub language: String,
    /// May they sign in?
    pub status: PersonStatus,
    /// Whether a second factor is active.
    pub two_factor_enabled: bool,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Person {
    /// Whether the roles hold `admin`.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }
}

/// An organization with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// `org_…`
    pub id: String,
    /// As typed.
    pub name: String,
    /// Where it works, as typed.
    pub region: Option<String>,
    /// Its rules.
    pub settings: OrganizationSettings,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an organization decides for itself; `None` means the server's setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// Whether people may join without an invitation.
    pub open_signup: bool,
    /// Absolute life of a session; never longer than the server's.
    pub session_ttl_hours: Option<u32>,
    /// Idle time of a session; never longer than the server's.
    pub session_idle_minutes: Option<u32>,
    /// Sessions a person may have at once; never more than the server's.
    pub session_max_per_user: Option<u32>,
}

/// What a sign-in needs to know of an account.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub person: Person,
    /// The organization's rules.
    pub organization_settings: OrganizationSettings,
    /// The organization's name, for password rules and mails.
    pub organization_name: String,
    /// Whether the organization is active.
    pub organization_active: bool,
    /// PHC string or bcrypt; none for people without a password.
    pub password_hash: Option<String>,
    /// Sessions of an older epoch are void.
    pub credential_epoch: i64,
    /// Device tokens of an older epoch are void.
    pub device_epoch: i64,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// `team_…`
    pub id: String,
    /// Its organization.
    pub org_id: String,
    /// Unique within the organization.
    pub name: String,
    /// Plain text.
    pub description: String,
    /// Person ids, sorted.
    pub members: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How many people of a role an event needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredRole {
    /// A role name.
    pub role: String,
    /// One or more.
    pub count: u32,
}

/// Something people sign up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `event_…`
    pub id: String,
    /// Its organization.
    pub org_id: String,
    /// Plain text.
    pub title: String,
    /// A word of the organization's own, such as `service`.
    pub kind: String,
    /// Start.
    pub start: Timestamp,
    /// End, after the start.
    pub end: Timestamp,
    /// Plain text.
    pub location: String,
    /// Limited HTML, already sanitised.
    pub description: String,
    /// Who is needed.
    pub required_roles: Vec<RequiredRole>,
    /// Person id.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An invitation to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// `invitation_…`
    pub id: String,
    /// Into which organization.
    pub org_id: String,
    /// Whose address, as typed.
    pub email: String,
    /// Its canonical form: only this one may accept.
    pub email_canonical: String,
    /// The roles the invited person gets.
    pub roles: Vec<String>,
    /// `pending`, `accepted` or `revoked`.
    pub status: String,
    /// Person id of the admin.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its link ends.
    pub expires_at: Timestamp,
}

/// A lock for failed attempts, kept in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The budget's key.
    pub key: String,
    /// `account`, `device`, `ip`, `person` or `second_factor`.
    pub kind: String,
    /// The organization of the account, when it is known.
    pub org_id: Option<String>,
    /// The account, when it is known.
    pub person_id: Option<String>,
    /// What an admin recognises it by: e-mail or network address.
    pub subject: String,
    /// How many failures led to it.
    pub failures: u32,
    /// When.
    pub locked_at: Timestamp,
    /// Until when; exclusive.
    pub locked_until: Timestamp,
}

/// A page of a list, by the id of the last item seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many, 1 to 1000.
    pub limit: u32,
    /// Only ids after this one.
    pub after: Option<String>,
}

/// A page of a list of locks, the one that ends last first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockPage {
    /// At most this many, 1 to 1001.
    pub limit: u32,
    /// Only those after this one.
    pub after: Option<LockCursor>,
}

/// The place of a lock in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockCursor {
    /// When it ends.
    pub locked_until: Timestamp,
    /// The budget's key.
    pub key: String,
}
