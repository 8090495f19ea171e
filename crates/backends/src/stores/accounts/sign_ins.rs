//! What good and failed sign-ins leave behind.

use accounts::error::Error;
use accounts::model::Lock;
use accounts::outbox::Mail;
use accounts::ports::{FailedSignIn, OneTimeGrant, SuccessfulSignIn};
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::session::SessionId;

use crate::sql::{Sql, Unit};
use crate::stores::SqlStore;
use crate::stores::refusals::CONFLICT;
use crate::stores::texts::texts;

texts! {
    // Alone, so that the next statement sees what whoever held the row has committed.
    guard LOCK_ACTIVE_PERSON = Sql::same("UPDATE people SET status = status WHERE id = $1 AND status = 'active'");
    guard CHECK_EPOCH = Sql::same(
        "UPDATE people SET password_hash = COALESCE($3, password_hash) WHERE id = $1 \
         AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = people.org_id AND o.status = 'active') \
         AND COALESCE((SELECT s.credential_epoch FROM user_security_settings s WHERE s.user_id = $1), 0) = $2",
    );
    run FORGET_FAILURES = Sql::same("DELETE FROM sign_in_failures WHERE account_key = $1");
    run UNLOCK_ACCOUNT = Sql::same("DELETE FROM lockouts WHERE person_id = $1 AND kind = 'account'");
    run MIRROR_SUCCESS = Sql::same(
        "UPDATE user_security_settings SET failed_login_attempts = 0, account_locked_until = NULL \
         WHERE user_id = $1",
    );
    run END_SESSION = Sql::same(
        "INSERT INTO ended_sessions (id, person_id, ended_at, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO NOTHING",
    );
    run COUNT_FAILURE = Sql::same(
        "INSERT INTO sign_in_failures (account_key, consecutive, updated_at, known) VALUES ($1, 1, $2, $3) \
         ON CONFLICT (account_key) DO UPDATE SET consecutive = sign_in_failures.consecutive + 1, \
         updated_at = excluded.updated_at, known = excluded.known",
    );
    run MIRROR_FAILURE = Sql::same(
        "INSERT INTO user_security_settings (user_id, failed_login_attempts, account_locked_until, created_at, \
         updated_at) VALUES ($1, 1, $2, $3, $3) ON CONFLICT (user_id) DO UPDATE SET \
         failed_login_attempts = COALESCE(user_security_settings.failed_login_attempts, 0) + 1, \
         account_locked_until = COALESCE(excluded.account_locked_until, \
         user_security_settings.account_locked_until)",
    );
    run STORE_LOCK = Sql::same(
        "INSERT INTO lockouts (key, kind, org_id, person_id, subject, failures, locked_at, locked_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, \
         org_id = excluded.org_id, person_id = excluded.person_id, subject = excluded.subject, \
         failures = excluded.failures, locked_at = excluded.locked_at, locked_until = excluded.locked_until",
    );
    run STORE_GRANT = Sql::same(
        "INSERT INTO one_time_tokens (token_hash, purpose, person_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    );
    run RAISE_EPOCH = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, credential_epoch) \
         VALUES ($1, $2, $2, 1) ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, updated_at = excluded.updated_at",
    );
}

/// Adds the raise of a person's credential epoch.
pub(in crate::stores) fn raise_epoch(unit: &mut Unit, person_id: &str, at: Timestamp) {
    unit.run(RAISE_EPOCH, vec![person_id.into(), at.into()]);
}

/// Adds the guard that a person's epoch, and organization, are still what was read, and stores a better hash. The
/// caller has locked the person's row.
pub(in crate::stores) fn check_epoch(
    unit: &mut Unit,
    person_id: &str,
    epoch: i64,
    upgraded_hash: Option<String>,
) {
    unit.guarded(CHECK_EPOCH, vec![person_id.into(), epoch.into(), upgraded_hash.into()], CONFLICT);
}

pub(super) fn grant(unit: &mut Unit, grant: &OneTimeGrant) {
    unit.run(
        STORE_GRANT,
        vec![
            grant.hash.0.into(),
            grant.purpose.as_str().into(),
            (&grant.person_id).into(),
            grant.created_at.into(),
            grant.expires_at.into(),
        ],
    );
}

pub(super) fn end_sessions(
    unit: &mut Unit,
    person_id: &str,
    ended: &[(SessionId, Timestamp)],
    at: Timestamp,
) {
    for (id, expires_at) in ended {
        unit.run(END_SESSION, vec![id.as_str().into(), person_id.into(), at.into(), (*expires_at).into()]);
    }
}

pub(super) async fn succeeded(
    store: &SqlStore,
    change: SuccessfulSignIn,
    trail: Trail,
    mails: Vec<Mail>,
) -> Result<(), Error> {
    let person_id = change.person_id.as_str();
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_PERSON, vec![person_id.into()], CONFLICT);
    check_epoch(&mut unit, person_id, change.credential_epoch, change.upgraded_hash);
    if let Some(account_key) = change.forgives_account_key {
        unit.run(MIRROR_SUCCESS, vec![person_id.into()]);
        unit.run(FORGET_FAILURES, vec![account_key.into()]);
        unit.run(UNLOCK_ACCOUNT, vec![person_id.into()]);
    }
    end_sessions(&mut unit, person_id, &change.displaced, change.at);
    if let Some(not_me) = &change.not_me_grant {
        grant(&mut unit, not_me);
    }
    store.enqueue(&mut unit, &mails);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn failed(
    store: &SqlStore,
    change: FailedSignIn,
    trail: Trail,
    mails: Vec<Mail>,
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    if let Some(person_id) = &change.person_id {
        if change.raise_epoch {
            raise_epoch(&mut unit, person_id, change.at);
        }
        if change.account_key.is_some() {
            let account_lock = change.locks.iter().find(|lock| lock.kind == "account");
            let until = account_lock.map(|lock| lock.locked_until);
            unit.run(MIRROR_FAILURE, vec![person_id.into(), until.into(), change.at.into()]);
        }
    }
    if let Some(account_key) = change.account_key {
        let known = change.person_id.is_some();
        unit.run(COUNT_FAILURE, vec![account_key.into(), change.at.into(), known.into()]);
    }
    store_locks(&mut unit, change.locks);
    if let Some(unlock) = &change.unlock_grant {
        grant(&mut unit, unlock);
    }
    store.enqueue(&mut unit, &mails);
    store.store(unit).await.map(|_| ())
}

/// Adds locks, in one order, so that units which store the same ones do not wait for each other in a ring.
pub(in crate::stores) fn store_locks(unit: &mut Unit, mut locks: Vec<Lock>) {
    locks.sort_by(|a, b| a.key.cmp(&b.key));
    for lock in &locks {
        store_lock(unit, lock);
    }
}

fn store_lock(unit: &mut Unit, lock: &Lock) {
    unit.run(
        STORE_LOCK,
        vec![
            (&lock.key).into(),
            (&lock.kind).into(),
            lock.org_id.as_deref().into(),
            lock.person_id.as_deref().into(),
            (&lock.subject).into(),
            lock.failures.into(),
            lock.locked_at.into(),
            lock.locked_until.into(),
        ],
    );
}
