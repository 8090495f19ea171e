//! The catalogue of audited actions. Adding one here is all it takes: name, documentation and the generated
//! event catalogue follow.

use std::fmt;

macro_rules! actions {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// What was done. The text form (`auth.login`) is stored, filtered by and never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $meaning] $variant,)*
        }

        impl Action {
            /// Every action, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

actions! {
    AuthLogin "auth.login" "Somebody signed in."
    AuthLoginFailed "auth.login_failed" "A sign-in was refused."
    AuthLogout "auth.logout" "A session was ended by its owner signing out."
    AuthPasswordChanged "auth.password_changed" "A person replaced the password."
    AuthPasswordResetRequested "auth.password_reset_requested" "A reset link was asked for."
    AuthPasswordReset "auth.password_reset" "A password was set by a mailed link."
    AuthAccountLocked "auth.account_locked" "An account, device or address reached its limit of failures."
    AuthAccountUnlocked "auth.account_unlocked" "A lock was lifted before its end."
    AuthTwoFactorEnabled "auth.2fa_enabled" "A second factor became active."
    AuthTwoFactorDisabled "auth.2fa_disabled" "A second factor was removed by its owner."
    AuthTwoFactorReset "auth.2fa_reset" "A second factor was removed by an admin."
    AuthTwoFactorFailed "auth.2fa_failed" "A second-factor code was refused."
    AuthRecoveryCodeUsed "auth.recovery_code_used" "A recovery code was spent."
    AuthRecoveryCodesRegenerated "auth.recovery_codes_regenerated" "New recovery codes replaced the old."
    AuthSessionRevoked "auth.session_revoked" "A session was ended by its owner or an admin."
    AuthReauthenticated "auth.reauthenticated" "A session was made fresh by giving the password again."
    AuthCsrfRejected "auth.csrf_rejected" "A request without a valid CSRF token, or from another origin, was refused."
    AuthRateLimited "auth.rate_limited" "A limit was reached (one row per window and key)."
    AuthAccessDenied "auth.access_denied" "A signed-in person was refused by the rights."
    PersonCreate "person.create" "A person joined an organization."
    PersonUpdate "person.update" "A person's details changed."
    PersonDelete "person.delete" "A person was deleted and made anonymous."
    PersonRolesChanged "person.roles_changed" "A person's roles changed."
    PersonLocked "person.locked" "An admin locked a person out."
    PersonUnlocked "person.unlocked" "An admin let a locked person in again."
    EventCreate "event.create" "An event was created."
    EventUpdate "event.update" "An event changed."
    EventDelete "event.delete" "An event was deleted."
    TeamCreate "team.create" "A team was created."
    TeamUpdate "team.update" "A team changed."
    TeamDelete "team.delete" "A team was deleted."
    TeamMemberAdded "team.member_added" "A person joined a team."
    TeamMemberRemoved "team.member_removed" "A person left a team."
    OrganizationCreate "organization.create" "An organization was created."
    OrganizationUpdate "organization.update" "An organization's settings changed."
    OrganizationDelete "organization.delete" "An organization was deleted."
    OrganizationRequireTwoFactorChanged "organization.require_2fa_changed" "The rule who must have a second factor changed."
    InvitationSent "invitation.sent" "An invitation was mailed."
    InvitationAccepted "invitation.accepted" "An invitation was used to sign up."
    InvitationRevoked "invitation.revoked" "An invitation was withdrawn."
    AuditRead "audit.read" "The audit log was read."
    AuditExported "audit.exported" "The audit log was exported."
    AuditArchived "audit.archived" "Audit rows were archived."
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_have_a_family() {
        let mut names: Vec<_> = Action::ALL.iter().map(|a| a.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Action::ALL.len());
        assert!(names.iter().all(|n| n.split('.').count() == 2));
    }
}
