//! Making people anonymous: one person, or everybody of an organization. The rows stay, because the trail
//! points at them; whatever says who it was, or lets them in, goes.

use accounts::credential_check::account_key;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::outbox::dropped_mail;
use super::texts::texts;
use super::{SqlStore, json_list};
use crate::sql::{Sql, Unit, Value};

/// The two forms of a statement: whom it concerns is the last thing in it.
macro_rules! about {
    (person, $start:literal) => {
        Sql::same(concat!($start, " = $1"))
    };
    (everybody, $start:literal) => {
        Sql::same(concat!($start, " IN (SELECT p.id FROM people p WHERE p.org_id = $1)"))
    };
}

macro_rules! forget {
    (emails, $who:ident) => {
        about!($who, "DELETE FROM person_emails WHERE person_id")
    };
    (requests, $who:ident) => {
        about!(
            $who,
            "DELETE FROM password_reset_requests WHERE (SELECT e.person_id FROM person_emails e \
             WHERE e.canonical = email_canonical)"
        )
    };
    (members, $who:ident) => {
        about!($who, "DELETE FROM team_members WHERE person_id")
    };
    (tokens, $who:ident) => {
        about!($who, "DELETE FROM one_time_tokens WHERE person_id")
    };
    (steps, $who:ident) => {
        about!($who, "DELETE FROM sign_in_steps WHERE person_id")
    };
    (enrolments, $who:ident) => {
        about!($who, "DELETE FROM two_factor_enrolments WHERE person_id")
    };
    (codes, $who:ident) => {
        about!($who, "DELETE FROM recovery_codes WHERE person_id")
    };
    (locks, $who:ident) => {
        about!($who, "DELETE FROM lockouts WHERE person_id")
    };
    (sessions, $who:ident) => {
        about!($who, "DELETE FROM sessions WHERE person_id")
    };
    (security, $who:ident) => {
        about!(
            $who,
            "UPDATE user_security_settings SET totp_secret = NULL, totp_enabled = FALSE, \
             totp_verified_at = NULL, totp_last_step = 0, totp_failures = 0, recovery_codes = NULL, failed_login_attempts = 0, \
             account_locked_until = NULL WHERE user_id"
        )
    };
    (row, $who:ident) => {
        about!(
            $who,
            "UPDATE people SET name = 'Deleted person', email = NULL, password_hash = NULL, roles = '[]', \
             timezone = 'UTC', language = 'en', status = 'deleted', updated_at = $2 WHERE status <> 'deleted' AND id"
        )
    };
}

texts! {
    run ROW_OF_ONE = forget!(row, person);
    run EMAIL_OF_ONE = forget!(emails, person);
    run REQUESTS_OF_ONE = forget!(requests, person);
    run MEMBERSHIPS_OF_ONE = forget!(members, person);
    run TOKENS_OF_ONE = forget!(tokens, person);
    run EPOCH_OF_ONE = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, credential_epoch, device_epoch) \
         VALUES ($1, $2, $2, 1, 1) ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, \
         device_epoch = user_security_settings.device_epoch + 1, updated_at = excluded.updated_at",
    );
    run SECURITY_OF_ONE = forget!(security, person);
    run STEPS_OF_ONE = forget!(steps, person);
    run ENROLMENTS_OF_ONE = forget!(enrolments, person);
    run CODES_OF_ONE = forget!(codes, person);
    run LOCKS_OF_ONE = forget!(locks, person);
    run SESSIONS_OF_ONE = forget!(sessions, person);
    run MAIL_OF_ONE = dropped_mail!(
        "person_id = $1 OR invitation_id IN (SELECT i.id FROM invitations i WHERE i.org_id = \
         (SELECT p.org_id FROM people p WHERE p.id = $1) AND i.email_canonical = $1)"
    );
    // Whose they were stays known by the id, so that the trail can still be made to forget them. Not what erasing writes:
    // the trail tells erased from deleted by it.
    run INVITATIONS_OF_ONE = Sql::same(
        "UPDATE invitations SET email = '[DELETED]', email_canonical = $1, \
         status = CASE WHEN status = 'pending' THEN 'revoked' ELSE status END, updated_at = $2 \
         WHERE org_id = (SELECT p.org_id FROM people p WHERE p.id = $1) AND email <> '[ERASED]' \
         AND (accepted_by = $1 OR (accepted_by IS NULL AND \
         email_canonical IN (SELECT e.canonical FROM person_emails e WHERE e.person_id = $1)))",
    );
    run INVITATIONS_OF_ALL = Sql::same(
        "UPDATE invitations SET email = '[DELETED]', email_canonical = COALESCE(accepted_by, '[DELETED]'), \
         status = CASE WHEN status = 'pending' THEN 'revoked' ELSE status END, updated_at = $2 \
         WHERE org_id = $1 AND email <> '[ERASED]'",
    );
    run EMAILS_OF_ALL = forget!(emails, everybody);
    run REQUESTS_OF_ALL = forget!(requests, everybody);
    run MEMBERSHIPS_OF_ALL = forget!(members, everybody);
    run TOKENS_OF_ALL = forget!(tokens, everybody);
    run EPOCHS_OF_ALL = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, credential_epoch, device_epoch) \
         SELECT p.id, $2, $2, 1, 1 FROM people p WHERE p.org_id = $1 ORDER BY p.id \
         ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, \
         device_epoch = user_security_settings.device_epoch + 1, updated_at = excluded.updated_at",
    );
    run SECURITY_OF_ALL = forget!(security, everybody);
    run STEPS_OF_ALL = forget!(steps, everybody);
    run ENROLMENTS_OF_ALL = forget!(enrolments, everybody);
    run CODES_OF_ALL = forget!(codes, everybody);
    run LOCKS_OF_ALL = forget!(locks, everybody);
    run SESSIONS_OF_ALL = forget!(sessions, everybody);
    run MAIL_OF_ALL = dropped_mail!(
        "person_id IN (SELECT p.id FROM people p WHERE p.org_id = $1) \
         OR invitation_id IN (SELECT i.id FROM invitations i WHERE i.org_id = $1)"
    );
    // Answers tell of others too: those of the whole organization go.
    run ANSWERS_AROUND_ONE = Sql::same(
        "UPDATE idempotency_receipts SET status = NULL, body = NULL \
         WHERE org_id IN (SELECT p.org_id FROM people p WHERE p.id = $1)",
    );
    run ANSWERS_OF_ALL =
        Sql::same("UPDATE idempotency_receipts SET status = NULL, body = NULL WHERE org_id = $1");
    run ROWS_OF_ALL = forget!(row, everybody);
    query ADDRESSES_OF_ONE = Sql::same("SELECT canonical FROM person_emails WHERE person_id = $1");
    query ADDRESSES_OF_ALL = Sql::same(
        "SELECT e.canonical FROM person_emails e JOIN people p ON p.id = e.person_id WHERE p.org_id = $1",
    );
    run FAILURES_OF = Sql::pair(
        "DELETE FROM sign_in_failures WHERE account_key IN (SELECT value FROM json_each($1))",
        "DELETE FROM sign_in_failures WHERE account_key IN \
         (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))",
    );
}

/// Whom to make anonymous.
#[derive(Clone, Copy)]
pub(super) enum Whom<'a> {
    Person(&'a str),
    EverybodyIn(&'a str),
}

/// Under which keys their failed sign-ins are counted: must be read before their addresses are gone.
pub(super) async fn failure_keys(store: &SqlStore, whom: Whom<'_>) -> Result<Value, Fault> {
    let (sql, id) = match whom {
        Whom::Person(id) => (ADDRESSES_OF_ONE, id),
        Whom::EverybodyIn(id) => (ADDRESSES_OF_ALL, id),
    };
    let addresses = store.all(sql, vec![id.into()], |row| row.text("canonical")).await?;
    Ok(json_list(&addresses.iter().map(|address| account_key(address)).collect::<Vec<_>>()))
}

/// Adds the anonymising of invitations: they are locked before people are.
pub(super) fn anonymise_invitations(unit: &mut Unit, whom: Whom<'_>, at: Timestamp) {
    let (sql, id) = match whom {
        Whom::Person(id) => (INVITATIONS_OF_ONE, id),
        Whom::EverybodyIn(id) => (INVITATIONS_OF_ALL, id),
    };
    unit.run(sql, vec![id.into(), at.into()]);
}

/// Adds the anonymising; the caller has locked the person's or the organization's row.
pub(super) fn anonymise(unit: &mut Unit, whom: Whom<'_>, failure_keys: Value, at: Timestamp) {
    let (id, steps) = match whom {
        Whom::Person(id) => (
            id,
            [
                (ROW_OF_ONE, true),
                // While it is known whose they are.
                (REQUESTS_OF_ONE, false),
                (EMAIL_OF_ONE, false),
                (MEMBERSHIPS_OF_ONE, false),
                (TOKENS_OF_ONE, false),
                (STEPS_OF_ONE, false),
                (ENROLMENTS_OF_ONE, false),
                (EPOCH_OF_ONE, true),
                (SECURITY_OF_ONE, false),
                (CODES_OF_ONE, false),
                (LOCKS_OF_ONE, false),
                (SESSIONS_OF_ONE, false),
                (MAIL_OF_ONE, true),
                (ANSWERS_AROUND_ONE, false),
            ],
        ),
        Whom::EverybodyIn(id) => (
            id,
            [
                (ROWS_OF_ALL, true),
                (REQUESTS_OF_ALL, false),
                (EMAILS_OF_ALL, false),
                (MEMBERSHIPS_OF_ALL, false),
                (TOKENS_OF_ALL, false),
                (STEPS_OF_ALL, false),
                (ENROLMENTS_OF_ALL, false),
                (EPOCHS_OF_ALL, true),
                (SECURITY_OF_ALL, false),
                (CODES_OF_ALL, false),
                (LOCKS_OF_ALL, false),
                (SESSIONS_OF_ALL, false),
                (MAIL_OF_ALL, true),
                (ANSWERS_OF_ALL, false),
            ],
        ),
    };
    for (sql, dated) in steps {
        let dated = dated.then(|| Value::from(at));
        unit.run(sql, [Some(Value::from(id)), dated].into_iter().flatten().collect());
    }
    unit.run(FAILURES_OF, vec![failure_keys]);
}
