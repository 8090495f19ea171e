//! Lifting locks, spending mailed tokens, replacing the password.

use accounts::error::{Error, Refusal};
use accounts::outbox::Mail;
use accounts::ports::OneTimeGrant;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;

use super::sign_ins;
use crate::sql::{Sql, SqlError, Unit};
use crate::stores::SqlStore;
use crate::stores::refusals::{CONFLICT, NO_PERSON, TOKEN_INVALID, error_of, fault_of};
use crate::stores::texts::texts;

texts! {
    guard LOCK_PERSON = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND status NOT IN ('deleted', 'reserved')",
    );
    run TELL_LIFTED = Sql::same(
        "INSERT INTO lifted_locks (key, lifted_at) SELECT key, $2 FROM lockouts WHERE person_id = $1 \
         ORDER BY key ON CONFLICT (key) DO UPDATE SET lifted_at = excluded.lifted_at",
    );
    run DELETE_LOCKS = Sql::same("DELETE FROM lockouts WHERE person_id = $1");
    run TELL_KEY_LIFTED = Sql::same(
        "INSERT INTO lifted_locks (key, lifted_at) SELECT key, $2 FROM lockouts WHERE key = $1 \
         ON CONFLICT (key) DO UPDATE SET lifted_at = excluded.lifted_at",
    );
    run TELL_CLEARED = Sql::same(
        "INSERT INTO lifted_locks (key, lifted_at) VALUES ($1, $2) \
         ON CONFLICT (key) DO UPDATE SET lifted_at = excluded.lifted_at",
    );
    run DELETE_LOCK = Sql::same("DELETE FROM lockouts WHERE key = $1");
    run DELETE_FAILURES = Sql::same("DELETE FROM sign_in_failures WHERE account_key = $1");
    guard SOMETHING_IS_LOCKED = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND EXISTS \
         (SELECT 1 FROM lockouts l WHERE l.person_id = $1 AND l.locked_until > $2)",
    );
    run MIRROR_LIFTED = Sql::same(
        "UPDATE user_security_settings SET account_locked_until = NULL WHERE user_id = $1",
    );
    run MIRROR_FORGOTTEN = Sql::same(
        "UPDATE user_security_settings SET failed_login_attempts = 0 WHERE user_id = $1",
    );
    query OWNER_OF_TOKEN = Sql::same("SELECT person_id FROM one_time_tokens WHERE token_hash = $1");
    guard SPEND_TOKEN = Sql::same(
        "UPDATE one_time_tokens SET used_at = $3 WHERE token_hash = $1 AND purpose = $2 AND person_id = $4 \
         AND used_at IS NULL AND expires_at > $3",
    );
    run LOCK_OUT = Sql::same(
        "UPDATE people SET status = 'locked', updated_at = $2 WHERE id = $1 AND status = 'active'",
    );
    run RAISE_BOTH_EPOCHS = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, credential_epoch, device_epoch) \
         VALUES ($1, $2, $2, 1, 1) ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, \
         device_epoch = user_security_settings.device_epoch + 1, updated_at = excluded.updated_at",
    );
    query EPOCHS = Sql::same(
        "SELECT credential_epoch, device_epoch FROM user_security_settings WHERE user_id = $1",
    );
    // A missing row counts as epoch 0; one that exists is only touched at the expected epoch.
    guard REPLACE_EPOCHS = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, last_password_change, \
         credential_epoch, device_epoch) SELECT p.id, $3, $3, $3, 1, 1 FROM people p WHERE p.id = $1 \
         AND (CAST($2 AS BIGINT) = 0 OR EXISTS \
         (SELECT 1 FROM user_security_settings s WHERE s.user_id = $1)) \
         ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, \
         device_epoch = user_security_settings.device_epoch + 1, updated_at = excluded.updated_at, \
         last_password_change = excluded.last_password_change \
         WHERE user_security_settings.credential_epoch = CAST($2 AS BIGINT)",
    );
    run REPLACE_HASH = Sql::same("UPDATE people SET password_hash = $2 WHERE id = $1");
    query LOCK_KEYS_BUT_CODES = Sql::same(
        "SELECT key FROM lockouts WHERE person_id = $1 AND kind NOT IN ('second_factor', 'session_codes') \
         ORDER BY key",
    );
    run TELL_LIFTED_BUT_CODES = Sql::same(
        "INSERT INTO lifted_locks (key, lifted_at) SELECT key, $2 FROM lockouts WHERE person_id = $1 \
         AND kind NOT IN ('second_factor', 'session_codes') ORDER BY key ON CONFLICT (key) DO UPDATE SET lifted_at = excluded.lifted_at",
    );
    run DELETE_LOCKS_BUT_CODES = Sql::same("DELETE FROM lockouts WHERE person_id = $1 AND kind NOT IN ('second_factor', 'session_codes')");
    run VOID_TOKENS = Sql::same("DELETE FROM one_time_tokens WHERE person_id = $1 AND used_at IS NULL");
}

/// Tag of the guard that finds nothing locked.
const NOT_LOCKED: &str = "not locked";

/// Adds the end of every lock of a person, and tells other nodes of it. Consecutive failures stay: only a new
/// password makes the old guesses worthless.
fn lift(unit: &mut Unit, person_id: &str, at: Timestamp) {
    unit.run(MIRROR_LIFTED, vec![person_id.into()]);
    unit.run(TELL_LIFTED, vec![person_id.into(), at.into()]);
    unit.run(DELETE_LOCKS, vec![person_id.into()]);
}

/// The same without locks for wrong codes: a mailbox must not buy guesses at the second factor.
pub(super) fn lift_all_but_codes(unit: &mut Unit, person_id: &str, at: Timestamp) {
    unit.run(MIRROR_LIFTED, vec![person_id.into()]);
    unit.run(TELL_LIFTED_BUT_CODES, vec![person_id.into(), at.into()]);
    unit.run(DELETE_LOCKS_BUT_CODES, vec![person_id.into()]);
}

/// Adds that nothing is left of what was counted at an address before somebody had it.
pub(super) fn forget_strangers(unit: &mut Unit, account_key: &str, lock_keys: &[String], at: Timestamp) {
    unit.run(DELETE_FAILURES, vec![account_key.into()]);
    for key in lock_keys {
        unit.run(TELL_KEY_LIFTED, vec![key.into(), at.into()]);
        unit.run(DELETE_LOCK, vec![key.into()]);
    }
}

/// Adds the new hash: links that are not used are void, and the failures with the old password are forgotten. The
/// caller has locked the person's row, and raises the epochs.
pub(super) fn set_hash(unit: &mut Unit, person_id: &str, new_hash: &str, account_key: Option<&str>) {
    unit.run(VOID_TOKENS, vec![person_id.into()]);
    unit.run(REPLACE_HASH, vec![person_id.into(), new_hash.into()]);
    unit.run(MIRROR_FORGOTTEN, vec![person_id.into()]);
    if let Some(key) = account_key {
        unit.run(DELETE_FAILURES, vec![key.into()]);
    }
}

pub(super) async fn lift_all(
    store: &SqlStore,
    person_id: &str,
    at: Timestamp,
    trail: Trail,
) -> Result<bool, Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_PERSON, vec![person_id.into()], NO_PERSON);
    unit.guarded(SOMETHING_IS_LOCKED, vec![person_id.into(), at.into()], NOT_LOCKED);
    lift(&mut unit, person_id, at);
    match store.database.commit(unit).await {
        Ok(_) => Ok(true),
        Err(SqlError::Conflict(NOT_LOCKED)) => Ok(false),
        Err(error) => Err(error_of(error)),
    }
}

/// The keys of the locks that a mailed link lifts.
pub(super) async fn keys_but_codes(store: &SqlStore, person_id: &str) -> Result<Vec<String>, Fault> {
    store.all(LOCK_KEYS_BUT_CODES, vec![person_id.into()], |row| row.text("key")).await
}

/// In one order, as locks are stored and lifted.
pub(super) async fn tell_lifted(store: &SqlStore, keys: &[String], at: Timestamp) -> Result<(), Fault> {
    let mut keys: Vec<&String> = keys.iter().collect();
    keys.sort_unstable();
    let mut unit = Unit::housekeeping("the lifting itself is on record");
    for key in keys {
        unit.run(TELL_CLEARED, vec![key.into(), at.into()]);
    }
    store.database.commit(unit).await.map(|_| ()).map_err(fault_of)
}

/// The owner of a token never changes, so it may be read before the unit that spends it.
async fn owner(store: &SqlStore, hash: &TokenHash) -> Result<String, Error> {
    let owner = store.one(OWNER_OF_TOKEN, vec![hash.0.into()], |row| row.text("person_id")).await?;
    owner.ok_or_else(|| Refusal::TokenInvalid.into())
}

pub(super) fn spend(unit: &mut Unit, hash: &TokenHash, purpose: &str, at: Timestamp, person_id: &str) {
    unit.guarded(LOCK_PERSON, vec![person_id.into()], TOKEN_INVALID);
    unit.guarded(
        SPEND_TOKEN,
        vec![hash.0.into(), purpose.into(), at.into(), person_id.into()],
        TOKEN_INVALID,
    );
}

pub(super) async fn redeem_unlock(
    store: &SqlStore,
    hash: &TokenHash,
    at: Timestamp,
    trail: Trail,
) -> Result<Vec<String>, Error> {
    let person_id = owner(store, hash).await?;
    let lifted = keys_but_codes(store, &person_id).await?;
    let mut unit = store.unit(trail);
    spend(&mut unit, hash, "unlock", at, &person_id);
    lift_all_but_codes(&mut unit, &person_id, at);
    store.store(unit).await?;
    Ok(lifted)
}

pub(super) async fn redeem_not_me(
    store: &SqlStore,
    hash: &TokenHash,
    at: Timestamp,
    trail: Trail,
) -> Result<(), Error> {
    let person_id = owner(store, hash).await?;
    let mut unit = store.unit(trail);
    spend(&mut unit, hash, "not_me", at, &person_id);
    // A link that somebody else asked for must not open the account once an admin has unlocked it.
    unit.run(VOID_TOKENS, vec![(&person_id).into()]);
    unit.run(LOCK_OUT, vec![(&person_id).into(), at.into()]);
    unit.run(RAISE_BOTH_EPOCHS, vec![(&person_id).into(), at.into()]);
    store.store(unit).await.map(|_| ())
}

/// What replaces a password.
pub(super) struct Replacement<'a> {
    pub(super) person_id: &'a str,
    pub(super) expected_epoch: i64,
    pub(super) new_hash: &'a str,
    pub(super) account_key: Option<&'a str>,
    pub(super) notice: Option<OneTimeGrant>,
    pub(super) at: Timestamp,
}

/// The device epoch moves only together with the credential epoch, so the guard on the latter vouches for
/// what was read of the former.
pub(super) async fn replace_password(
    store: &SqlStore,
    change: Replacement<'_>,
    trail: Trail,
    mails: Vec<Mail>,
) -> Result<(i64, i64), Error> {
    let person = || vec![change.person_id.into()];
    let seen = store
        .one(EPOCHS, person(), |row| Ok((row.int("credential_epoch")?, row.int("device_epoch")?)))
        .await?;
    let (credential_epoch, device_epoch) = seen.unwrap_or_default();
    if credential_epoch != change.expected_epoch {
        return Err(Refusal::Conflict.into());
    }
    let mut unit = store.unit(trail);
    // The person's row first, as in every verb that touches a password.
    unit.guarded(LOCK_PERSON, person(), CONFLICT);
    unit.guarded(
        REPLACE_EPOCHS,
        vec![change.person_id.into(), change.expected_epoch.into(), change.at.into()],
        CONFLICT,
    );
    set_hash(&mut unit, change.person_id, change.new_hash, change.account_key);
    lift(&mut unit, change.person_id, change.at);
    if let Some(notice) = &change.notice {
        sign_ins::grant(&mut unit, notice);
    }
    store.enqueue(&mut unit, &mails);
    store.store(unit).await?;
    Ok((credential_epoch + 1, device_epoch + 1))
}
