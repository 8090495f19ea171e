//! Erasing a person from the trail: what rows say about them becomes `[ERASED]`, the salt goes, and the leaves
//! stay. The database permits it only between an open row in `audit_erasures`, which needs the event that says
//! so, and its end; that is also why it runs after the trail.

use hardening::audit::Trail;
use hardening::clock::Timestamp;

use super::outbox::dropped_mail;
use super::texts::texts;
use crate::sql::{Sql, Unit, Value};

/// Erases who acted.
macro_rules! actor {
    ($condition:literal) => {
        Sql::same(concat!(
            "UPDATE audit_logs SET user_email = '[ERASED]', \
             ip_address = CASE WHEN ip_address IS NULL THEN ip_address ELSE '[ERASED]' END, \
             user_agent = CASE WHEN user_agent IS NULL THEN user_agent ELSE '[ERASED]' END, \
             commitment_salt = NULL WHERE user_email <> '[ERASED]' AND ",
            $condition
        ))
    };
}

/// Erases what was done to whom.
macro_rules! subject {
    ($condition:literal) => {
        Sql::same(concat!(
            "UPDATE audit_logs SET \
             resource_name = CASE WHEN resource_name IS NULL THEN resource_name ELSE '[ERASED]' END, \
             changes = CASE WHEN changes IS NULL THEN changes \
             ELSE '{\"erased\":{\"old\":\"[ERASED]\",\"new\":\"[ERASED]\"}}' END, \
             error_message = CASE WHEN error_message IS NULL THEN error_message ELSE '[ERASED]' END, \
             commitment_salt = NULL WHERE org_id = $1 AND ",
            $condition
        ))
    };
}

texts! {
    // An address belongs to one person only: what was sent to it before they came or after they left was for them.
    run ADDRESSES_OF_INVITATIONS = Sql::same(
        "UPDATE invitations SET email = '[ERASED]', email_canonical = '[ERASED]', \
         status = CASE WHEN status = 'pending' THEN 'revoked' ELSE status END, updated_at = $3 \
         WHERE org_id = $1 AND email <> '[ERASED]' AND (accepted_by = $2 OR email_canonical = $2 OR (accepted_by IS NULL AND \
         (email_canonical IN (SELECT e.canonical FROM person_emails e WHERE e.person_id = $2) OR \
         email IN (SELECT a.user_email FROM audit_logs a WHERE a.org_id = $1 AND a.user_id = $2))))",
    );
    run ANSWERS_OF_MAIL_SERVERS = Sql::same(
        "UPDATE outbox_messages SET last_error = NULL WHERE person_id = $1 AND last_error IS NOT NULL",
    );
    run MAIL_OF_INVITATIONS = dropped_mail!(
        "invitation_id IN (SELECT i.id FROM invitations i WHERE i.org_id = $1 AND i.email = '[ERASED]')"
    );
    run OPEN = Sql::same(
        "INSERT INTO audit_erasures (event_id, org_id, person_id, erased_at, finished) \
         VALUES ($1, $2, $3, $4, FALSE)",
    );
    // Before the rows that tell which addresses were theirs.
    run TYPED_BY_NOBODY = actor!(
        "org_id = 'org_system' AND user_id = 'person_anonymous' AND user_email <> '' AND lower(user_email) IN \
         (SELECT lower(a.user_email) FROM audit_logs a WHERE a.org_id = $1 AND a.user_id = $2)"
    );
    run DONE_TO_THEM = subject!(
        "resource_type = 'person' AND resource_id = $2 AND id NOT IN \
         (SELECT e.event_id FROM audit_erasures e WHERE e.person_id = $2)"
    );
    run THEIR_SESSIONS = subject!("user_id = $2 AND resource_type = 'session'");
    run THEIR_INVITATIONS = subject!(
        "resource_type = 'invitation' AND resource_id IN (SELECT i.id FROM invitations i WHERE i.org_id = $1 \
         AND i.email = '[ERASED]')"
    );
    run DONE_BY_THEM = actor!("org_id = $1 AND user_id = $2");
    run FINISH = Sql::same("UPDATE audit_erasures SET finished = TRUE WHERE event_id = $1");
    guard SOMETHING_IS_LEFT = Sql::same(
        "UPDATE people SET status = status WHERE org_id = $1 AND id = $2 AND (EXISTS (SELECT 1 FROM audit_logs a \
         WHERE a.org_id = $1 AND a.user_id = $2 AND a.user_email <> '[ERASED]') OR EXISTS (SELECT 1 \
         FROM audit_logs a WHERE a.resource_type = 'person' AND a.resource_id = $2 AND a.org_id = $1 \
         AND a.commitment_salt IS NOT NULL AND a.id NOT IN \
         (SELECT e.event_id FROM audit_erasures e WHERE e.person_id = $2)))",
    );
}

/// Tag of the guard that finds nothing to erase any more.
pub(super) const NOTHING_LEFT: &str = "nothing left to erase";

/// Whom to erase.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) org_id: &'a str,
    pub(super) person_id: &'a str,
}

impl Whom<'_> {
    fn params(self) -> Vec<Value> {
        vec![self.org_id.into(), self.person_id.into()]
    }
}

/// Adds the erasing of invitations to the person: they are locked before people are.
pub(super) fn erase_invitations(unit: &mut Unit, whom: Whom<'_>, at: Timestamp) {
    let mut params = whom.params();
    params.push(at.into());
    unit.run(ADDRESSES_OF_INVITATIONS, params);
}

/// Adds the condition that something is left to erase.
pub(super) fn require_something(unit: &mut Unit, whom: Whom<'_>) {
    unit.guarded(SOMETHING_IS_LEFT, whom.params(), NOTHING_LEFT);
}

/// Adds the erasing of everything else. The first event of `trail` must be the one that says so.
pub(super) fn erase(unit: &mut Unit, whom: Whom<'_>, trail: &Trail, at: Timestamp) {
    let event_id = || Value::from(trail.first().event.id.as_str());
    unit.run(ANSWERS_OF_MAIL_SERVERS, vec![whom.person_id.into()]);
    unit.run(MAIL_OF_INVITATIONS, vec![whom.org_id.into(), at.into()]);
    let opened = vec![event_id(), whom.org_id.into(), whom.person_id.into(), at.into()];
    unit.run_after_trail(OPEN, opened);
    unit.run_after_trail(TYPED_BY_NOBODY, whom.params());
    unit.run_after_trail(DONE_TO_THEM, whom.params());
    unit.run_after_trail(THEIR_SESSIONS, whom.params());
    unit.run_after_trail(THEIR_INVITATIONS, vec![whom.org_id.into()]);
    unit.run_after_trail(DONE_BY_THEM, whom.params());
    unit.run_after_trail(FINISH, vec![event_id()]);
}
