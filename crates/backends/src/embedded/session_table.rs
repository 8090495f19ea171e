//! The statements on table `sessions`. A record is the JSON text of a [`Session`].
//!
//! * A session of an older credential epoch than the person's, or one listed in `ended_sessions`, is over
//!   although its row may still be there: [`SessionTable::load`] leaves it out.
//! * Only `INSERT` makes rows; what updates a record changes one field of a row that is there. So whatever
//!   is in flight, a deleted session stays deleted.

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Session, SessionId};

use super::fault;
use crate::memory::sessions_cache::Touched;
use crate::sql::{Database, Row, Sql, SqlError, Unit};

const LOAD: Sql = Sql::same(
    "SELECT s.record AS record, COALESCE(u.credential_epoch, 0) AS epoch FROM sessions s \
     LEFT JOIN user_security_settings u ON u.user_id = s.person_id WHERE s.person_id = $1 \
     AND NOT EXISTS (SELECT 1 FROM ended_sessions e WHERE e.id = s.id)",
);
const INSERT: Sql = Sql::same(
    "INSERT INTO sessions (id, person_id, created_at, expires_at, record) VALUES ($1, $2, $3, $4, $5)",
);
const DELETE: Sql = Sql::same("DELETE FROM sessions WHERE person_id = $1 AND id = $2");
const DELETE_ALL_BUT: Sql =
    Sql::same("DELETE FROM sessions WHERE person_id = $1 AND ($2::text IS NULL OR id <> $2::text)");
const DELETE_OLDER: Sql = Sql::pair(
    "DELETE FROM sessions WHERE person_id = $1 AND json_extract(record, '$.credential_epoch') < $2",
    "DELETE FROM sessions WHERE person_id = $1 AND (record::jsonb ->> 'credential_epoch')::bigint < $2",
);
const DELETE_EXPIRED: Sql = Sql::same("DELETE FROM sessions WHERE expires_at <= $1");
const SET_ACTIVITY: Sql = Sql::pair(
    "UPDATE sessions SET record = json_set(record, '$.last_activity', $2) WHERE id = $1",
    "UPDATE sessions SET record = jsonb_set(record::jsonb, '{last_activity}', to_jsonb($2::text))::text \
     WHERE id = $1",
);
const SET_AUTHENTICATED: Sql = Sql::pair(
    "UPDATE sessions SET record = json_set(record, '$.authenticated_at', $2) WHERE id = $1",
    "UPDATE sessions SET record = jsonb_set(record::jsonb, '{authenticated_at}', to_jsonb($2::text))::text \
     WHERE id = $1",
);

pub(super) struct SessionTable(pub(super) Database);

impl SessionTable {
    /// The person's sessions that were not ended; expired ones included.
    pub(super) async fn load(&self, person_id: &str) -> Result<Vec<Session>, Fault> {
        let rows = self.0.rows(LOAD, vec![person_id.into()]).await.map_err(fault)?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            sessions.extend(read(row).map_err(fault)?);
        }
        Ok(sessions)
    }

    /// Stores one and deletes those it displaces, together.
    pub(super) async fn insert(&self, session: &Session, displaced: &[SessionId]) -> Result<(), Fault> {
        // Bound as JSON, so that a NUL is refused here and not by a later update on PostgreSQL.
        let record = serde_json::to_value(session).map_err(Fault::internal)?;
        let mut unit = Unit::housekeeping("a session starts");
        let (id, person) = (session.id.as_str(), session.person_id.as_str());
        let times = [session.created_at, session.expires_at].map(Into::into);
        let [created_at, expires_at] = times;
        unit.run(INSERT, vec![id.into(), person.into(), created_at, expires_at, record.into()]);
        for old in displaced {
            unit.run(DELETE, vec![person.into(), old.as_str().into()]);
        }
        self.commit(unit).await
    }

    /// Deletes one.
    pub(super) async fn delete(&self, person_id: &str, id: &SessionId) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("a session ends");
        unit.run(DELETE, vec![person_id.into(), id.as_str().into()]);
        self.commit(unit).await
    }

    /// Deletes all of a person but the one to keep.
    pub(super) async fn delete_all_but(
        &self,
        person_id: &str,
        keep: Option<&SessionId>,
    ) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("the sessions of a person end");
        unit.run(DELETE_ALL_BUT, vec![person_id.into(), keep.map(SessionId::as_str).into()]);
        self.commit(unit).await
    }

    /// Deletes the person's sessions of an older credential epoch.
    pub(super) async fn delete_older(&self, person_id: &str, epoch: i64) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("the sessions of an older credential epoch end");
        unit.run(DELETE_OLDER, vec![person_id.into(), epoch.into()]);
        self.commit(unit).await
    }

    /// Writes down when the password was given again.
    pub(super) async fn set_authenticated(&self, id: &SessionId, at: Timestamp) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("a password was given again in a session");
        unit.run(SET_AUTHENTICATED, vec![id.as_str().into(), at.to_string().into()]);
        self.commit(unit).await
    }

    /// Writes down last activities, together.
    pub(super) async fn set_activity(&self, touched: &[Touched]) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("last activity of sessions");
        for one in touched {
            unit.run(SET_ACTIVITY, vec![one.id.as_str().into(), one.last_activity.to_string().into()]);
        }
        self.commit(unit).await
    }

    /// Deletes what is over by its absolute end; returns how many rows.
    pub(super) async fn delete_expired(&self, now: Timestamp) -> Result<u64, Fault> {
        let mut unit = Unit::housekeeping("expired sessions");
        unit.run(DELETE_EXPIRED, vec![now.into()]);
        Ok(self.0.commit(unit).await.map_err(fault)?.rows(0))
    }

    async fn commit(&self, unit: Unit) -> Result<(), Fault> {
        self.0.commit(unit).await.map(drop).map_err(fault)
    }
}

/// `None` for a session that is over, and for a record that cannot be read: its bearer signs in again.
fn read(row: &Row) -> Result<Option<Session>, SqlError> {
    let epoch = row.int("epoch")?;
    match serde_json::from_str::<Session>(&row.text("record")?) {
        Ok(session) => Ok(Some(session).filter(|session| session.credential_epoch >= epoch)),
        Err(error) => {
            tracing::error!(%error, "a stored session cannot be read and is taken for ended");
            Ok(None)
        }
    }
}
