//! Everything a use case works with, put together once by the program's wiring.

use std::sync::Arc;
use std::time::Duration;

use hardening::clock::Clock;
use hardening::device::DeviceKeys;
use hardening::entropy::Entropy;
use hardening::lockout::Gate;
use hardening::password::{HashPool, PasswordPolicy};
use hardening::rate_limit::{QuotaStore, RuleSet};
use hardening::session::{RevocationMark, SessionStore};

use crate::lockouts::LiftedLocks;
use crate::long_trails::LongTrails;
use crate::model::OrganizationSettings;
use crate::ports::{
    AccountStore, AuditLog, EventStore, InvitationStore, OrganizationStore, Outbox, PasswordResetStore,
    PeopleStore, Receipts, TeamStore, TwoFactorPolicyStore, TwoFactorStore,
};
use crate::read_record::ReadLog;
use crate::refusal_record::RefusalTally;
use crate::two_factor::SecondFactorRules;
use crate::two_factor::policy::PolicyBook;

/// The ports and rules.
pub struct Services {
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Credentials, locks, one-time tokens.
    pub accounts: Arc<dyn AccountStore>,
    /// Reset links, and requests for them.
    pub password_resets: Arc<dyn PasswordResetStore>,
    /// People as admins see them.
    pub people: Arc<dyn PeopleStore>,
    /// Organizations.
    pub organizations: Arc<dyn OrganizationStore>,
    /// Teams.
    pub teams: Arc<dyn TeamStore>,
    /// Events.
    pub events: Arc<dyn EventStore>,
    /// Invitations.
    pub invitations: Arc<dyn InvitationStore>,
    /// Second factors.
    pub two_factor: Arc<dyn TwoFactorStore>,
    /// Who must have one.
    pub two_factor_policies: Arc<dyn TwoFactorPolicyStore>,
    /// The trail.
    pub audit: Arc<dyn AuditLog>,
    /// Mail waiting for delivery.
    pub outbox: Arc<dyn Outbox>,
    /// Receipts of changes, by which retries are known.
    pub receipts: Arc<dyn Receipts>,
    /// Live sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// How far the session store has followed the database.
    pub revocation_mark: Arc<dyn RevocationMark>,
    /// Traffic quotas; use cases count repeated notes of the same refusal by it.
    pub quotas: Arc<dyn QuotaStore>,
    /// The one gate every credential check passes.
    pub gate: Gate,
    /// Which lifted locks this process has dropped from its gate already.
    pub lifted_locks: LiftedLocks,
    /// What need not be a row of its own.
    pub tallies: Tallies,
    /// Which limits apply where.
    pub rules: Arc<RuleSet>,
    /// Password checks off the async threads.
    pub hashing: Arc<HashPool>,
    /// What a new password must be like.
    pub password_policy: Arc<PasswordPolicy>,
    /// Codes, their keys and their names.
    pub second_factor: SecondFactorRules,
    /// What organizations ask for, at hand for every request.
    pub policies: PolicyBook,
    /// Signs known-device tokens.
    pub device_keys: DeviceKeys,
    /// Numbers and switches.
    pub settings: Settings,
}

/// Numbers and switches of the use cases.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Own origin for links in mails, without a trailing slash.
    pub public_url: String,
    /// Absolute life of a session.
    pub session_ttl: Duration,
    /// Idle time of a session; zero is for ever.
    pub session_idle: Duration,
    /// Sessions a person may have.
    pub session_max_per_person: u32,
    /// How long a password counts as just given.
    pub freshness: Duration,
    /// How long strangers stay out after too many failures.
    pub lockout_duration: Duration,
    /// Whether such a lock also ends the account's sessions.
    pub lockout_revokes_sessions: bool,
    /// Consecutive failures after which strangers stay out until the password changes.
    pub consecutive_failures_max: i64,
    /// Wrong codes in a row after which an app's codes are refused until an admin resets the second factor.
    pub wrong_codes_max: i64,
    /// Life of an invitation's link.
    pub invitation_ttl: Duration,
    /// Life of an unlock or "this wasn't me" link.
    pub mailed_link_ttl: Duration,
    /// Life of a password reset link.
    pub reset_link_ttl: Duration,
    /// Whether limits hold at all.
    pub rate_limiting: bool,
    /// Whether counters are this process's own: then locks lifted elsewhere must be heard of.
    pub counters_in_process: bool,
}

impl Settings {
    /// The documented defaults, with links to `public_url`.
    pub fn with_defaults(public_url: impl Into<String>) -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3600;
        Self {
            public_url: public_url.into(),
            session_ttl: Duration::from_secs(24 * HOUR),
            session_idle: Duration::from_secs(480 * MINUTE),
            session_max_per_person: 5,
            freshness: Duration::from_secs(10 * MINUTE),
            lockout_duration: Duration::from_secs(15 * MINUTE),
            lockout_revokes_sessions: false,
            consecutive_failures_max: 100,
            wrong_codes_max: 100,
            invitation_ttl: Duration::from_secs(7 * 24 * HOUR),
            mailed_link_ttl: Duration::from_secs(24 * HOUR),
            reset_link_ttl: Duration::from_secs(HOUR),
            rate_limiting: true,
            counters_in_process: true,
        }
    }

    /// Session limits for an organization: its own where they are tighter.
    pub fn session_limits(&self, own: &OrganizationSettings) -> SessionLimits {
        let ttl = own.session_ttl_hours.map(|h| Duration::from_secs(u64::from(h) * 3600));
        let idle = own.session_idle_minutes.map(|m| Duration::from_secs(u64::from(m) * 60));
        let server_idle = (!self.session_idle.is_zero()).then_some(self.session_idle);
        SessionLimits {
            ttl: ttl.map_or(self.session_ttl, |t| t.min(self.session_ttl)),
            idle: match (idle, server_idle) {
                (Some(a), Some(b)) => a.min(b),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => Duration::ZERO,
            },
            max_per_person: own
                .session_max_per_user
                .map_or(self.session_max_per_person, |n| n.min(self.session_max_per_person)),
        }
    }
}

/// What this process knows of the trail, so that repetition neither fills it nor counts it again.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Refusals that are counted and not on record yet.
    pub refusals: RefusalTally,
    /// Reads of the trail that have their row.
    pub reads: ReadLog,
    /// What of it need not be counted.
    pub long_trails: LongTrails,
}

/// What applies to a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Absolute life.
    pub ttl: Duration,
    /// Idle time; zero is for ever.
    pub idle: Duration,
    /// How many at once.
    pub max_per_person: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_can_only_tighten() {
        let server = Settings::with_defaults("http://localhost");
        let own = OrganizationSettings {
            session_ttl_hours: Some(48),
            session_idle_minutes: Some(10),
            session_max_per_user: Some(2),
            ..Default::default()
        };
        let limits = server.session_limits(&own);
        assert_eq!(limits.ttl, Duration::from_hours(24));
        assert_eq!(limits.idle, Duration::from_mins(10));
        assert_eq!(limits.max_per_person, 2);
    }
}
