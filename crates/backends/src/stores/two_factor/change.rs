//! What changes second factors: each verb one unit, whose guards decide.

use accounts::error::Error;
use accounts::outbox::Mail;
use accounts::ports::{Activation, Enrolment, PendingStep, Proof, Spending, StepPurpose, WrongCode};
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::one_time_token::TokenHash;
use hardening::two_factor::RecoveryCodeHash;

use crate::sql::{Sql, Unit, Value};
use crate::stores::accounts::sign_ins;
use crate::stores::refusals::{
    CODE_USED, CODE_WRONG, CONFLICT, NO_PERSON, STEP_GONE, TWO_FACTOR_OFF, TWO_FACTOR_ON,
};
use crate::stores::texts::texts;
use crate::stores::{SqlStore, json_list};

texts! {
    // Alone, so that the next statement sees what whoever held the row has committed.
    guard LOCK_ACTIVE_PERSON = Sql::same("UPDATE people SET status = status WHERE id = $1 AND status = 'active'");
    guard LOCK_PERSON = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND status NOT IN ('deleted', 'reserved')",
    );
    run FORGET_OLD_STEPS = Sql::same("DELETE FROM sign_in_steps WHERE person_id = $1 AND expires_at <= $2");
    run STORE_STEP = Sql::same(
        "INSERT INTO sign_in_steps (token_hash, purpose, person_id, credential_epoch, device_id, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    guard SPEND_STEP = Sql::same(
        "DELETE FROM sign_in_steps WHERE token_hash = $1 AND purpose = $2 AND person_id = $3 AND expires_at > $4",
    );
    run DELETE_STEPS = Sql::same("DELETE FROM sign_in_steps WHERE person_id = $1");
    guard AT_EPOCH = Sql::same(
        "UPDATE user_security_settings SET credential_epoch = credential_epoch \
         WHERE user_id = $1 AND credential_epoch = $2",
    );
    // The condition is the protection against replay: of two with the same step one finds it later.
    guard SPEND_APP_CODE = Sql::same(
        "UPDATE user_security_settings SET totp_last_step = $2, totp_failures = 0 WHERE user_id = $1 \
         AND totp_enabled AND totp_last_step < $2 AND totp_failures < $3",
    );
    guard SPEND_RECOVERY_CODE = Sql::same(
        "UPDATE recovery_codes SET used_at = $4 WHERE person_id = $1 AND used_at IS NULL \
         AND code_hash IN ($2, $3) AND EXISTS (SELECT 1 FROM user_security_settings s \
         WHERE s.user_id = $1 AND s.totp_enabled)",
    );
    run BREAK_THE_ROW = Sql::same(
        "UPDATE user_security_settings SET totp_failures = 0 WHERE user_id = $1 AND totp_failures < $2",
    );
    guard COUNT_WRONG = Sql::same(
        "UPDATE user_security_settings SET totp_failures = totp_failures + 1 \
         WHERE user_id = $1 AND totp_failures = $2",
    );
    guard NOT_ENABLED = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND NOT EXISTS \
         (SELECT 1 FROM user_security_settings s WHERE s.user_id = $1 AND s.totp_enabled)",
    );
    run STORE_ENROLMENT = Sql::same(
        "INSERT INTO two_factor_enrolments (person_id, totp_secret, recovery_codes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person_id) DO UPDATE SET totp_secret = excluded.totp_secret, \
         recovery_codes = excluded.recovery_codes, created_at = excluded.created_at, \
         expires_at = excluded.expires_at",
    );
    guard TAKE_ENROLMENT = Sql::same(
        "DELETE FROM two_factor_enrolments WHERE person_id = $1 AND totp_secret = $2 AND expires_at > $3",
    );
    guard FORGET_ENROLMENT = Sql::same("DELETE FROM two_factor_enrolments WHERE person_id = $1");
    run DELETE_ENROLMENT = Sql::same("DELETE FROM two_factor_enrolments WHERE person_id = $1");
    run ENSURE_SETTINGS = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at) VALUES ($1, $2, $2) \
         ON CONFLICT (user_id) DO NOTHING",
    );
    guard ACTIVATE = Sql::same(
        "UPDATE user_security_settings SET totp_secret = $3, totp_enabled = TRUE, totp_verified_at = $4, \
         totp_last_step = $5, totp_failures = 0, credential_epoch = credential_epoch + 1, updated_at = $4 \
         WHERE user_id = $1 AND credential_epoch = $2 AND NOT COALESCE(totp_enabled, FALSE)",
    );
    run STORE_CODE = Sql::same(
        "INSERT INTO recovery_codes (code_hash, person_id, created_at) VALUES ($1, $2, $3)",
    );
    run DELETE_CODES = Sql::same("DELETE FROM recovery_codes WHERE person_id = $1");
    guard SOMETHING_TO_RESET = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND EXISTS (SELECT 1 FROM user_security_settings s \
         WHERE s.user_id = $1 AND s.totp_enabled)",
    );
    run REMOVE = Sql::same(
        "UPDATE user_security_settings SET totp_secret = NULL, totp_enabled = FALSE, totp_verified_at = NULL, \
         totp_last_step = 0, totp_failures = 0, updated_at = $2 WHERE user_id = $1",
    );
}

pub(super) async fn begin_step(
    store: &SqlStore,
    step: &PendingStep,
    upgraded_hash: Option<String>,
) -> Result<(), Error> {
    let person_id = step.person_id.as_str();
    let mut unit = Unit::housekeeping("a sign-in waits for its second step");
    unit.guarded(LOCK_ACTIVE_PERSON, vec![person_id.into()], CONFLICT);
    sign_ins::check_epoch(&mut unit, person_id, step.credential_epoch, upgraded_hash);
    unit.run(FORGET_OLD_STEPS, vec![person_id.into(), step.created_at.into()]);
    unit.run(
        STORE_STEP,
        vec![
            step.token.0.into(),
            step.purpose.as_str().into(),
            person_id.into(),
            step.credential_epoch.into(),
            step.device_id.as_deref().into(),
            step.created_at.into(),
            step.expires_at.into(),
        ],
    );
    store.store(unit).await.map(|_| ())
}

fn spend_step(unit: &mut Unit, token: TokenHash, purpose: StepPurpose, person_id: &str, at: Timestamp) {
    let params = vec![token.0.into(), purpose.as_str().into(), person_id.into(), at.into()];
    unit.guarded(SPEND_STEP, params, STEP_GONE);
}

/// Adds the spending of a code, at the epoch everything was read at. The caller has locked the person's row.
fn spend(unit: &mut Unit, spending: &Spending) {
    let person_id = || Value::from(&spending.person_id);
    unit.guarded(AT_EPOCH, vec![person_id(), spending.credential_epoch.into()], CONFLICT);
    match &spending.proof {
        Proof::App(step) => {
            let params = vec![person_id(), (*step).into(), spending.wrong_in_a_row_max.into()];
            unit.guarded(SPEND_APP_CODE, params, CODE_USED);
        }
        Proof::Recovery(candidates) => {
            let nothing = RecoveryCodeHash([0; 32]);
            let candidate = |n: usize| Value::from(candidates.get(n).unwrap_or(&nothing).0);
            let params = vec![person_id(), candidate(0), candidate(1), spending.at.into()];
            unit.guarded(SPEND_RECOVERY_CODE, params, CODE_WRONG);
            unit.run(BREAK_THE_ROW, vec![person_id(), spending.wrong_in_a_row_max.into()]);
        }
    }
}

pub(super) async fn spend_code(
    store: &SqlStore,
    spending: &Spending,
    step: Option<TokenHash>,
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_PERSON, vec![(&spending.person_id).into()], CONFLICT);
    if let Some(token) = step {
        spend_step(&mut unit, token, StepPurpose::Verify, &spending.person_id, spending.at);
    }
    spend(&mut unit, spending);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn record_wrong_code(
    store: &SqlStore,
    wrong: WrongCode,
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(COUNT_WRONG, vec![(&wrong.person_id).into(), wrong.seen_in_a_row.into()], CONFLICT);
    sign_ins::store_locks(&mut unit, wrong.locks);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn begin_enrolment(
    store: &SqlStore,
    person_id: &str,
    enrolment: &Enrolment,
    trail: Trail,
) -> Result<(), Error> {
    let codes: Vec<String> = enrolment.recovery_codes.iter().map(|hash| TokenHash(hash.0).to_hex()).collect();
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_PERSON, vec![person_id.into()], NO_PERSON);
    unit.guarded(NOT_ENABLED, vec![person_id.into()], TWO_FACTOR_ON);
    unit.run(
        STORE_ENROLMENT,
        vec![
            person_id.into(),
            (&enrolment.totp_secret).into(),
            json_list(&codes),
            enrolment.created_at.into(),
            enrolment.expires_at.into(),
        ],
    );
    store.store(unit).await.map(|_| ())
}

pub(super) async fn activate(
    store: &SqlStore,
    activation: &Activation,
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let (person_id, at) = (activation.person_id.as_str(), activation.at);
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_PERSON, vec![person_id.into()], CONFLICT);
    if let Some(token) = activation.spent_step {
        spend_step(&mut unit, token, StepPurpose::SetUp, person_id, at);
    }
    unit.run(DELETE_STEPS, vec![person_id.into()]);
    let secret = || Value::from(&activation.enrolment.totp_secret);
    unit.guarded(TAKE_ENROLMENT, vec![person_id.into(), secret(), at.into()], CONFLICT);
    unit.run(ENSURE_SETTINGS, vec![person_id.into(), at.into()]);
    unit.guarded(
        ACTIVATE,
        vec![
            person_id.into(),
            activation.credential_epoch.into(),
            secret(),
            at.into(),
            activation.used_step.into(),
        ],
        CONFLICT,
    );
    replace_codes(&mut unit, person_id, &activation.enrolment.recovery_codes, at);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}

fn replace_codes(unit: &mut Unit, person_id: &str, fresh: &[RecoveryCodeHash], at: Timestamp) {
    unit.run(DELETE_CODES, vec![person_id.into()]);
    for hash in fresh {
        unit.run(STORE_CODE, vec![hash.0.into(), person_id.into(), at.into()]);
    }
}

/// Adds the end of a second factor, active or waiting, and of every session.
fn remove(unit: &mut Unit, person_id: &str, at: Timestamp) {
    for sql in [DELETE_STEPS, DELETE_ENROLMENT, DELETE_CODES] {
        unit.run(sql, vec![person_id.into()]);
    }
    unit.run(REMOVE, vec![person_id.into(), at.into()]);
    sign_ins::raise_epoch(unit, person_id, at);
}

pub(super) async fn disable(
    store: &SqlStore,
    spending: &Spending,
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_PERSON, vec![(&spending.person_id).into()], CONFLICT);
    spend(&mut unit, spending);
    remove(&mut unit, &spending.person_id, spending.at);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn forget_enrolment(store: &SqlStore, person_id: &str, trail: Trail) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_PERSON, vec![person_id.into()], NO_PERSON);
    unit.guarded(NOT_ENABLED, vec![person_id.into()], CONFLICT);
    unit.guarded(FORGET_ENROLMENT, vec![person_id.into()], TWO_FACTOR_OFF);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn reset(
    store: &SqlStore,
    person_id: &str,
    at: Timestamp,
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_PERSON, vec![person_id.into()], NO_PERSON);
    unit.guarded(SOMETHING_TO_RESET, vec![person_id.into()], TWO_FACTOR_OFF);
    remove(&mut unit, person_id, at);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn replace_recovery_codes(
    store: &SqlStore,
    spending: &Spending,
    fresh: &[RecoveryCodeHash],
    trail: Trail,
    mails: &[Mail],
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_PERSON, vec![(&spending.person_id).into()], CONFLICT);
    spend(&mut unit, spending);
    replace_codes(&mut unit, &spending.person_id, fresh, spending.at);
    store.enqueue(&mut unit, mails);
    store.store(unit).await.map(|_| ())
}
