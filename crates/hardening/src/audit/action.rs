//! The catalogue of audited actions. Adding one here is all it takes: name, documentation and the generated
//! event catalogue follow; one without a description does not compile.

use std::fmt;

use super::Status;

macro_rules! actions {
    ($($variant:ident $name:literal $meaning:literal on $resource:literal
        changes $changes:literal ends $($status:ident)+ $(, $written:ident)?;)*) => {
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

            /// What its rows tell, in words.
            pub const fn description(self) -> Description {
                match self {
                    $(Self::$variant => Description {
                        meaning: $meaning,
                        resource: $resource,
                        changes: $changes,
                        statuses: &[$(Status::$status),+],
                        written: written!($($written)?),
                    },)*
                }
            }
        }
    };
}

macro_rules! written {
    () => {
        true
    };
    (unwritten) => {
        false
    };
}

/// What the rows of an action tell, in words of Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// When a row is written, in a sentence.
    pub meaning: &'static str,
    /// What `resource_type` says, and what `resource_id` is.
    pub resource: &'static str,
    /// What `changes` holds.
    pub changes: &'static str,
    /// What `status` can be.
    pub statuses: &'static [Status],
    /// Whether this version writes such rows; a name that is not written yet is reserved.
    pub written: bool,
}

actions! {
    AuthLogin "auth.login" "Somebody signed in."
        on "`session`"
        changes "`created`: assurance, device_type, browser, os" ends Success;
    AuthLoginFailed "auth.login_failed" "A sign-in was refused, or a wrong password was given inside a session."
        on "`person`; `account` (a digest of the address) where nobody has it; `session` inside one"
        changes "nothing" ends Failure;
    AuthLogout "auth.logout" "A session was ended by its owner signing out."
        on "`session`"
        changes "nothing" ends Success;
    AuthPasswordChanged "auth.password_changed" "A person replaced the password."
        on "`person`"
        changes "`password`, masked" ends Success;
    AuthPasswordResetRequested "auth.password_reset_requested" "A reset link was asked for."
        on "`person`"
        changes "nothing" ends Success;
    AuthPasswordReset "auth.password_reset" "A password was set by a mailed link, or a link was refused."
        on "`person`; `reset_link` where nobody was mailed it"
        changes "`password`, masked; nothing when refused" ends Success Failure;
    AuthAccountLocked "auth.account_locked" "An account, device or address reached its limit of failures, an address its limit of signups, a reset link was tried too often, or the owner's \"this wasn't me\" link locked the account."
        on "`person`; `account` where nobody has the address; `session` inside one; `reset_link` where nobody was mailed it; `rate_limit` (the key, named by the network) for an address, in nobody's organization, and where nobody judged the attempts"
        changes "`locked_until`; `status` when locked by the link; nothing inside a session" ends Failure Success;
    AuthAccountUnlocked "auth.account_unlocked" "A lock was lifted before its end."
        on "`person`"
        changes "`unlocked_by`: mailed link, admin or operator" ends Success;
    AuthTwoFactorSetupStarted "auth.2fa_setup_started" "Somebody began to set a second factor up; nothing is active yet."
        on "`person`"
        changes "nothing" ends Success;
    AuthTwoFactorPassed "auth.2fa_passed" "The code of an app was right: while signing in, or when it was asked for again."
        on "`person`"
        changes "nothing" ends Success;
    AuthTwoFactorEnabled "auth.2fa_enabled" "A second factor became active."
        on "`person`"
        changes "`2fa_enabled`" ends Success;
    AuthTwoFactorDisabled "auth.2fa_disabled" "A second factor was removed by its owner."
        on "`person`"
        changes "`2fa_enabled`" ends Success;
    AuthTwoFactorReset "auth.2fa_reset" "A second factor was removed by an admin or operator."
        on "`person`"
        changes "`2fa_enabled`" ends Success;
    AuthTwoFactorFailed "auth.2fa_failed" "A second-factor code was refused; a row of its own when too many in a row switched an app's codes off."
        on "`person`; `session` inside one while setting up"
        changes "nothing" ends Failure;
    AuthTwoFactorKeysRotated "auth.2fa_keys_rotated" "An operator put the secrets of second factors under the newest key."
        on "`second_factors`: `org_system`"
        changes "`renewed`, `unreadable`: how many" ends Success;
    AuthRecoveryCodeUsed "auth.recovery_code_used" "A recovery code was spent."
        on "`person`"
        changes "`codes_left`" ends Success;
    AuthRecoveryCodesRegenerated "auth.recovery_codes_regenerated" "New recovery codes replaced the old."
        on "`person`"
        changes "`recovery_codes`, masked" ends Success;
    AuthSessionRevoked "auth.session_revoked" "A session was ended by its owner, by an admin, or for a newer one."
        on "`session`; `person` when an admin or operator ended all of theirs"
        changes "`reason` when it had to go for a newer one; else nothing" ends Success;
    AuthReauthenticated "auth.reauthenticated" "A session was made fresh by giving the password again."
        on "`session`"
        changes "nothing" ends Success;
    AuthCsrfRejected "auth.csrf_rejected" "A request without a valid CSRF token, or from another origin, was refused (one row per client and minute, and one that counts the rest)."
        on "`request`: method and path"
        changes "`repeated`: how many more, in a row that counts them; else nothing" ends Failure;
    AuthRateLimited "auth.rate_limited" "A limit was reached (one row per window and key, and one that counts the rest)."
        on "`rate_limit`: the key; `request`: method and path; `refusals` for those of too many clients to tell apart"
        changes "`repeated`: how many more, in a row that counts them; else nothing" ends Failure;
    AuthAccessDenied "auth.access_denied" "A signed-in person was refused by the rights, or would have left an organization without an admin (of each one row per person and minute, and one that counts the rest)."
        on "`request`: method and path"
        changes "`repeated`: how many more, in a row that counts them; else nothing" ends Failure;
    PersonCreate "person.create" "A person joined an organization."
        on "`person`"
        changes "`created`: name, email, roles, language (not by an operator)" ends Success;
    PersonUpdate "person.update" "A person's details changed."
        on "`person`"
        changes "`name`, `timezone`, `language`: those that changed" ends Success;
    PersonDelete "person.delete" "A person was deleted and made anonymous, alone or with the organization, or erased from the log."
        on "`person`"
        changes "`deleted`: name, email, roles; with `erase=true` name, email and audit_log, each `[ERASED]`" ends Success;
    PersonRolesChanged "person.roles_changed" "A person's roles changed."
        on "`person`"
        changes "`roles`" ends Success;
    PersonLocked "person.locked" "An admin locked a person out."
        on "`person`"
        changes "`status`" ends Success;
    PersonUnlocked "person.unlocked" "An admin or operator let a locked person in again."
        on "`person`"
        changes "`status`" ends Success;
    EventCreate "event.create" "An event was created."
        on "`event`"
        changes "`created`: title, type, start, end, location, description, required_roles" ends Success;
    EventUpdate "event.update" "An event changed."
        on "`event`"
        changes "the fields that changed" ends Success;
    EventDelete "event.delete" "An event was deleted."
        on "`event`"
        changes "`deleted`: as in `event.create`" ends Success;
    TeamCreate "team.create" "A team was created."
        on "`team`"
        changes "`created`: name, description" ends Success;
    TeamUpdate "team.update" "A team changed."
        on "`team`"
        changes "`name`, `description`: those that changed" ends Success;
    TeamDelete "team.delete" "A team was deleted."
        on "`team`"
        changes "`deleted`: name, description, members" ends Success;
    TeamMemberAdded "team.member_added" "A person joined a team."
        on "`team`"
        changes "`member`: the person's id" ends Success;
    TeamMemberRemoved "team.member_removed" "A person left a team."
        on "`team`"
        changes "`member`: the person's id" ends Success;
    OrganizationCreate "organization.create" "An organization was created."
        on "`organization`"
        changes "`created`: name" ends Success;
    OrganizationUpdate "organization.update" "An organization's settings changed."
        on "`organization`"
        changes "`name`, `region`, `open_signup`, `session_ttl_hours`, `session_idle_minutes`, `session_max_per_user`: those that changed" ends Success;
    OrganizationDelete "organization.delete" "An organization was deleted."
        on "`organization`"
        changes "`deleted`: as in `organization.update`" ends Success;
    OrganizationRequireTwoFactorChanged "organization.require_2fa_changed" "The rule who must have a second factor changed."
        on "`organization`"
        changes "`require`, `roles`, `deadline`: those that changed" ends Success;
    InvitationSent "invitation.sent" "An invitation was mailed."
        on "`invitation`"
        changes "`created`: email, roles, expires_at" ends Success;
    InvitationAccepted "invitation.accepted" "An invitation was used to sign up."
        on "`invitation`"
        changes "`status`" ends Success;
    InvitationRevoked "invitation.revoked" "An invitation was withdrawn."
        on "`invitation`"
        changes "`status`" ends Success;
    MailUndeliverable "mail.undeliverable" "A mail was given up: refused for good, or not taken for about three days."
        on "`mail`"
        changes "`status`, `kind`, `person_id`, `attempts`" ends Failure;
    MailRetried "mail.retried" "An operator had a mail that was given up sent again."
        on "`mail`"
        changes "`status`" ends Success;
    SystemFault "system.fault" "A request failed by a fault of the server's own (one row per client and minute, and one that counts the rest)."
        on "`request`: method and path"
        changes "`repeated`: how many more, in a row that counts them; else nothing" ends Failure;
    AuditRead "audit.read" "The audit log, or the report of second factors, was read (through the API one row per person, node and minute; further pages within an hour of it are part of that read)."
        on "`audit_log` or `second_factors`: the organization's id, `org_system` for all"
        changes "nothing" ends Success;
    AuditExported "audit.exported" "The audit log was exported."
        on "`audit_log`: the organization's id, `org_system` for all"
        changes "`format`; `start_date`, `end_date`, `action`, `user_id`: what it was narrowed to" ends Success;
    AuditArchived "audit.archived" "Audit rows were archived."
        on "`audit_log`: the organization's id"
        changes "what was archived" ends Success, unwritten;
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

    #[test]
    fn descriptions_say_something_that_fits_a_table() {
        for action in Action::ALL {
            let told = action.description();
            assert!(told.meaning.ends_with(['.', ')']), "{action}");
            for words in [told.meaning, told.resource, told.changes] {
                assert!(words.len() >= 4 && !words.contains(['|', '\n']), "{action}: {words}");
            }
        }
    }
}
