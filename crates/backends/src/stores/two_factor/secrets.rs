//! Stored secrets, for putting them under another key.

use accounts::ports::StoredSecret;
use hardening::fault::Fault;

use crate::sql::{Sql, SqlError, Unit};
use crate::stores::SqlStore;
use crate::stores::refusals::{CONFLICT, fault_of};
use crate::stores::texts::texts;

macro_rules! owners {
    () => {
        "(SELECT user_id AS person_id FROM user_security_settings WHERE totp_secret IS NOT NULL \
         UNION SELECT person_id FROM two_factor_enrolments) x"
    };
}

texts! {
    query LIST = Sql::same(concat!(
        "SELECT x.person_id, s.totp_secret AS active, e.totp_secret AS waiting FROM ",
        owners!(),
        " LEFT JOIN user_security_settings s ON s.user_id = x.person_id \
         LEFT JOIN two_factor_enrolments e ON e.person_id = x.person_id \
         WHERE x.person_id > $1 ORDER BY x.person_id LIMIT $2"
    ));
    query COUNT = Sql::same(concat!("SELECT count(*) AS total FROM ", owners!()));
    guard REPLACE_ACTIVE = Sql::same(
        "UPDATE user_security_settings SET totp_secret = $3 WHERE user_id = $1 AND totp_secret = $2",
    );
    guard REPLACE_WAITING = Sql::same(
        "UPDATE two_factor_enrolments SET totp_secret = $3 WHERE person_id = $1 AND totp_secret = $2",
    );
}

pub(super) async fn list(store: &SqlStore, after: &str, limit: u32) -> Result<Vec<StoredSecret>, Fault> {
    store
        .all(LIST, vec![after.into(), limit.into()], |row| {
            Ok(StoredSecret {
                person_id: row.text("person_id")?,
                active: row.opt_text("active")?,
                waiting: row.opt_text("waiting")?,
            })
        })
        .await
}

pub(super) async fn count(store: &SqlStore) -> Result<i64, Fault> {
    Ok(store.one(COUNT, Vec::new(), |row| row.int("total")).await?.unwrap_or(0))
}

pub(super) async fn replace(
    store: &SqlStore,
    before: &StoredSecret,
    after: &StoredSecret,
) -> Result<bool, Fault> {
    let mut unit = Unit::housekeeping("a secret is put under another key");
    let pairs =
        [(REPLACE_WAITING, &before.waiting, &after.waiting), (REPLACE_ACTIVE, &before.active, &after.active)];
    for (sql, old, new) in pairs {
        if old != new {
            let params = vec![(&before.person_id).into(), old.as_deref().into(), new.as_deref().into()];
            unit.guarded(sql, params, CONFLICT);
        }
    }
    match store.database.commit(unit).await {
        Ok(_) => Ok(true),
        Err(SqlError::Conflict(_)) => Ok(false),
        Err(error) => Err(fault_of(error)),
    }
}
