//! What other nodes must know, and what nobody needs any more.

use std::time::Duration;

use accounts::ports::RevocationChanges;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::SessionId;

use crate::sql::{Sql, Unit};
use crate::stores::SqlStore;
use crate::stores::texts::texts;

/// How long an expired token still says that it has expired.
const TOKENS_KEPT: Duration = Duration::from_hours(24);
/// How long a lifting is told to nodes that were away.
const LIFTINGS_KEPT: Duration = Duration::from_hours(1);
/// How long settled mail stays listed.
const MAIL_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long failures at addresses nobody has are counted after the last one: as long as their audit rows are
/// kept at least.
const UNKNOWN_FAILURES_KEPT: Duration = Duration::from_hours(90 * 24);

texts! {
    query EPOCHS_SINCE = Sql::same(
        "SELECT user_id, credential_epoch FROM user_security_settings WHERE updated_at >= $1 \
         AND credential_epoch > 0",
    );
    query ENDED_SINCE = Sql::same("SELECT person_id, id FROM ended_sessions WHERE ended_at >= $1");
    query LIFTED_SINCE = Sql::same("SELECT key, lifted_at FROM lifted_locks WHERE lifted_at >= $1");
    run PURGE_LOCKS = Sql::same("DELETE FROM lockouts WHERE locked_until <= $1");
    run PURGE_TOKENS = Sql::same("DELETE FROM one_time_tokens WHERE expires_at < $1");
    run PURGE_STEPS = Sql::same("DELETE FROM sign_in_steps WHERE expires_at <= $1");
    run PURGE_ENROLMENTS = Sql::same("DELETE FROM two_factor_enrolments WHERE expires_at <= $1");
    run PURGE_ENDED = Sql::same("DELETE FROM ended_sessions WHERE expires_at <= $1");
    run PURGE_LIFTED = Sql::same("DELETE FROM lifted_locks WHERE lifted_at < $1");
    run PURGE_ATTEMPTS = Sql::same("DELETE FROM attempt_journal WHERE expires_at <= $1");
    run PURGE_SESSIONS = Sql::same("DELETE FROM sessions WHERE expires_at <= $1");
    // Full counts stay, or whoever came back later would learn which addresses have an account.
    run PURGE_FAILURES = Sql::same(
        "DELETE FROM sign_in_failures WHERE updated_at < $1 AND consecutive < $2 AND NOT known",
    );
    run PURGE_RECEIPTS = Sql::same("DELETE FROM idempotency_receipts WHERE expires_at <= $1");
    run FORGET_DEAD_MAIL = Sql::same(
        "UPDATE outbox_messages SET content = NULL WHERE status = 'dead' AND expires_at <= $1 \
         AND content IS NOT NULL",
    );
    run PURGE_MAIL = Sql::same("DELETE FROM outbox_messages WHERE status <> 'waiting' AND updated_at < $1");
}

pub(super) async fn changes_since(store: &SqlStore, since: Timestamp) -> Result<RevocationChanges, Fault> {
    let since = || vec![since.into()];
    let epochs = store
        .all(EPOCHS_SINCE, since(), |row| Ok((row.text("user_id")?, row.int("credential_epoch")?)))
        .await?;
    let ended = store.all(ENDED_SINCE, since(), |row| Ok((row.text("person_id")?, row.text("id")?))).await?;
    let lifted =
        store.all(LIFTED_SINCE, since(), |row| Ok((row.text("key")?, row.time("lifted_at")?))).await?;
    let ended = ended.into_iter().filter_map(|(person, id)| Some((person, SessionId::parse(&id)?))).collect();
    Ok(RevocationChanges { epochs, ended, lifted })
}

pub(super) async fn purge(store: &SqlStore, now: Timestamp, kept_from: i64) -> Result<u64, Fault> {
    let purges = [
        (PURGE_LOCKS, now),
        (PURGE_TOKENS, now - TOKENS_KEPT),
        (PURGE_STEPS, now),
        (PURGE_ENROLMENTS, now),
        (PURGE_ENDED, now),
        (PURGE_LIFTED, now - LIFTINGS_KEPT),
        (PURGE_ATTEMPTS, now),
        (PURGE_SESSIONS, now),
        (PURGE_RECEIPTS, now),
        (FORGET_DEAD_MAIL, now),
        (PURGE_MAIL, now - MAIL_KEPT),
    ];
    let mut unit = Unit::housekeeping("expired rows");
    for (sql, until) in purges {
        unit.run(sql, vec![until.into()]);
    }
    unit.run(PURGE_FAILURES, vec![(now - UNKNOWN_FAILURES_KEPT).into(), kept_from.into()]);
    let committed = store.keep_up(unit).await?;
    Ok((0..=purges.len()).map(|at| committed.rows(at)).sum())
}
