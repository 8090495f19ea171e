//! Receipts of changes: stored with the change, or not at all.

use ::accounts::ports::{Receipts, StoredAnswer, StoredReceipt};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::SqlStore;
use super::refusals::CONFLICT;
use super::texts::texts;
use crate::sql::{Row, Sql, SqlError, Unit, Value};

texts! {
    query FIND = Sql::same(
        "SELECT fingerprint, resource_type, resource_id, status, body FROM idempotency_receipts \
         WHERE name = $1 AND expires_at > $2",
    );
    // A second change of the same attempt keeps the first receipt; an expired one gives way.
    guard LEAVE = Sql::same(
        "INSERT INTO idempotency_receipts (name, attempt, fingerprint, org_id, resource_type, resource_id, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET \
         attempt = excluded.attempt, fingerprint = excluded.fingerprint, org_id = excluded.org_id, \
         resource_type = excluded.resource_type, resource_id = excluded.resource_id, \
         created_at = excluded.created_at, expires_at = excluded.expires_at, status = NULL, body = NULL \
         WHERE idempotency_receipts.attempt = excluded.attempt \
         OR idempotency_receipts.expires_at <= excluded.created_at",
    );
    run KEEP_ANSWER = Sql::same(
        "UPDATE idempotency_receipts SET status = $3, body = $4 WHERE name = $1 AND attempt = $2",
    );
}

/// What is stored of a trail's receipt, where it has one.
pub(super) fn of(trail: &Trail) -> Option<Vec<Value>> {
    let receipt = trail.receipt()?;
    let event = &trail.first().event;
    Some(vec![
        (&receipt.name).into(),
        (&receipt.attempt).into(),
        (&receipt.fingerprint).into(),
        (&receipt.org_id).into(),
        event.resource.kind.into(),
        (&event.resource.id).into(),
        event.timestamp.into(),
        receipt.expires_at.into(),
    ])
}

/// Adds the receipt to its change.
pub(super) fn leave(unit: &mut Unit, receipt: Option<Vec<Value>>) {
    if let Some(params) = receipt {
        unit.guarded_after_trail(LEAVE, params, CONFLICT);
    }
}

fn read(row: &Row) -> Result<StoredReceipt, SqlError> {
    let status = row.opt_int("status")?.and_then(|status| u16::try_from(status).ok());
    let body = row.opt_text("body")?;
    Ok(StoredReceipt {
        fingerprint: row.text("fingerprint")?,
        resource_type: row.text("resource_type")?,
        resource_id: row.text("resource_id")?,
        answer: status.zip(body).map(|(status, body)| StoredAnswer { status, body }),
    })
}

#[async_trait]
impl Receipts for SqlStore {
    async fn find(&self, name: &str, now: Timestamp) -> Result<Option<StoredReceipt>, Fault> {
        self.one(FIND, vec![name.into(), now.into()], read).await
    }

    async fn keep_answer(&self, name: &str, attempt: &str, answer: &StoredAnswer) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("what was answered to a request that may be repeated");
        let params =
            vec![name.into(), attempt.into(), i64::from(answer.status).into(), (&answer.body).into()];
        unit.run(KEEP_ANSWER, params);
        self.keep_up(unit).await.map(|_| ())
    }
}
