//! What a missed guard or a taken name means to the use cases.

use accounts::error::{CodeHint, Error, Refusal};
use hardening::fault::Fault;

use crate::sql::SqlError;

/// Changed meanwhile.
pub(super) const CONFLICT: &str = "changed meanwhile";
/// No active admin would be left.
pub(super) const LAST_ADMIN: &str = "last admin";
/// More admins than one are left.
pub(super) const OTHER_ADMINS: &str = "other admins";
/// Spent, expired or never issued.
pub(super) const TOKEN_INVALID: &str = "token invalid";
/// No open signup there.
pub(super) const SIGNUP_CLOSED: &str = "signup closed";
/// Another invitation is open.
pub(super) const INVITATION_OPEN: &str = "invitation open";
/// No such organization.
pub(super) const NO_ORGANIZATION: &str = "organization";
/// No such person.
pub(super) const NO_PERSON: &str = "person";
/// No such team.
pub(super) const NO_TEAM: &str = "team";
/// No such member.
pub(super) const NO_MEMBER: &str = "member";
/// No such invitation.
pub(super) const NO_INVITATION: &str = "invitation";

/// A code of an app whose step, or a later one, was used.
pub(super) const CODE_USED: &str = "code used";
/// No such unused recovery code.
pub(super) const CODE_WRONG: &str = "code wrong";
/// The step of a sign-in that does not wait any more.
pub(super) const STEP_GONE: &str = "step gone";
/// There is an active second factor.
pub(super) const TWO_FACTOR_ON: &str = "two factor on";
/// There is no second factor.
pub(super) const TWO_FACTOR_OFF: &str = "two factor off";

/// The outcome of a unit that was not stored.
pub(super) fn error_of(error: SqlError) -> Error {
    if let Some(refusal) = refusal_of(&error) { refusal.into() } else { fault_of(error).into() }
}

fn refusal_of(error: &SqlError) -> Option<Refusal> {
    if error.is_unique_on("person_emails") {
        return Some(Refusal::EmailTaken);
    }
    if error.is_unique_on("teams") {
        return Some(Refusal::NameTaken);
    }
    let SqlError::Conflict(tag) = error else { return None };
    match *tag {
        CONFLICT => Some(Refusal::Conflict),
        LAST_ADMIN => Some(Refusal::LastAdmin),
        OTHER_ADMINS => Some(Refusal::OtherAdmins),
        TOKEN_INVALID => Some(Refusal::TokenInvalid),
        SIGNUP_CLOSED => Some(Refusal::SignupClosed),
        CODE_USED => Some(Refusal::WrongCode(CodeHint::Used)),
        CODE_WRONG => Some(Refusal::WrongCode(CodeHint::None)),
        STEP_GONE => Some(Refusal::TemporaryTokenInvalid),
        TWO_FACTOR_ON => Some(Refusal::TwoFactorAlreadyEnabled),
        TWO_FACTOR_OFF => Some(Refusal::TwoFactorNotEnabled),
        INVITATION_OPEN => Some(Refusal::InvitationOpen),
        NO_ORGANIZATION | NO_PERSON | NO_TEAM | NO_MEMBER | NO_INVITATION => Some(Refusal::NotFound(tag)),
        _ => None,
    }
}

/// What a failed query means.
pub(super) fn fault_of(error: SqlError) -> Fault {
    match error {
        SqlError::Unavailable(detail) => Fault::unavailable("database", detail),
        SqlError::Uncertain(detail) => Fault::Uncertain { backend: "database", detail },
        other => Fault::internal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_unique_indexes_become_refusals() {
        let unique = |what: &str| refusal_of(&SqlError::Unique(what.to_owned()));
        assert_eq!(unique("person_emails.canonical"), Some(Refusal::EmailTaken));
        assert_eq!(unique("person_emails_pkey"), Some(Refusal::EmailTaken));
        assert_eq!(unique("teams_org_id_name_key"), Some(Refusal::NameTaken));
        assert_eq!(unique("events_pkey"), None);
        assert_eq!(refusal_of(&SqlError::Conflict(NO_TEAM)), Some(Refusal::NotFound("team")));
        assert_eq!(refusal_of(&SqlError::Conflict(CONFLICT)), Some(Refusal::Conflict));
    }

    #[test]
    fn only_a_lost_commit_is_uncertain() {
        let uncertain = fault_of(SqlError::Uncertain("gone".into()));
        assert!(matches!(uncertain, Fault::Uncertain { .. }));
        assert!(matches!(fault_of(SqlError::Unavailable("x".into())), Fault::Unavailable { .. }));
        assert!(matches!(fault_of(SqlError::Bad("x".into())), Fault::Internal(_)));
    }
}
