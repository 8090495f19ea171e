//! [`AccountStore`]: credentials, locks and one-time tokens.

mod joining;
mod locks;
mod resets;
pub(super) mod sign_ins;
mod upkeep;

use accounts::error::Error;
use accounts::model::{Credentials, Lock, LockPage};
use accounts::outbox::Mail;
use accounts::ports::{
    AccountStore, FailedSignIn, NewOrganization, NewPerson, OneTimeGrant, RevocationChanges, SuccessfulSignIn,
};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::{Purpose, TokenHash};
use hardening::session::SessionId;

use super::credentials_rows::{self, person_columns, settings_columns};
use super::refusals::NO_PERSON;
use super::texts::{Text, texts};
use super::{SqlStore, json_list};
use crate::sql::Sql;

macro_rules! credentials {
    ($condition:literal) => {
        Sql::same(concat!(
            "SELECT ",
            person_columns!(),
            ", ",
            settings_columns!(),
            ", o.name AS organization_name, o.status AS organization_status, p.password_hash, \
             COALESCE(s.credential_epoch, 0) AS credential_epoch, COALESCE(s.device_epoch, 0) AS device_epoch \
             FROM people p JOIN organizations o ON o.id = p.org_id \
             LEFT JOIN user_security_settings s ON s.user_id = p.id \
             LEFT JOIN organization_settings g ON g.org_id = p.org_id WHERE ",
            $condition
        ))
    };
}

macro_rules! lock_columns {
    () => {
        "SELECT key, kind, org_id, person_id, subject, failures, locked_at, locked_until FROM lockouts WHERE "
    };
}

texts! {
    query BY_EMAIL = credentials!("p.id = (SELECT e.person_id FROM person_emails e WHERE e.canonical = $1)");
    query BY_ID = credentials!("p.id = $1");
    query ACTIVE_LOCKS = Sql::pair(
        concat!(lock_columns!(), "key IN (SELECT value FROM json_each($1)) AND locked_until > $2"),
        concat!(
            lock_columns!(),
            "key IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb))) AND locked_until > $2"
        ),
    );
    query CONSECUTIVE = Sql::same("SELECT consecutive FROM sign_in_failures WHERE account_key = $1");
    query LOCK_KEYS = Sql::same("SELECT key FROM lockouts WHERE person_id = $1 ORDER BY key");
    query LOCKS_OF_ORGANIZATION = Sql::same(concat!(
        lock_columns!(),
        "org_id = $1 AND locked_until > $2 AND (locked_until < $3 OR (locked_until = $3 AND key > $4)) \
         ORDER BY locked_until DESC, key LIMIT $5"
    ));
    query PEEK = Sql::same(
        "SELECT person_id FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL \
         AND expires_at > $3",
    );
    guard EXISTING_PERSON = Sql::same("UPDATE people SET status = status WHERE id = $1 AND status <> 'reserved'");
}

/// Every text of the port.
pub(super) fn texts() -> Vec<Text> {
    [TEXTS, joining::TEXTS, locks::TEXTS, resets::TEXTS, sign_ins::TEXTS, upkeep::TEXTS].concat()
}

#[async_trait]
impl AccountStore for SqlStore {
    async fn credentials_by_email(&self, canonical: &str) -> Result<Option<Credentials>, Fault> {
        self.one(BY_EMAIL, vec![canonical.into()], credentials_rows::credentials).await
    }

    async fn credentials_of(&self, person_id: &str) -> Result<Option<Credentials>, Fault> {
        self.one(BY_ID, vec![person_id.into()], credentials_rows::credentials).await
    }

    async fn active_locks(&self, keys: &[String], now: Timestamp) -> Result<Vec<Lock>, Fault> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.all(ACTIVE_LOCKS, vec![json_list(keys), now.into()], credentials_rows::lock).await
    }

    async fn consecutive_failures(&self, account_key: &str) -> Result<i64, Fault> {
        let found = self.one(CONSECUTIVE, vec![account_key.into()], |row| row.int("consecutive")).await?;
        Ok(found.unwrap_or(0))
    }

    async fn found_organization(
        &self,
        organization: &NewOrganization,
        founder: &NewPerson,
        trail: Trail,
    ) -> Result<(), Error> {
        joining::found(self, organization, founder, trail).await
    }

    async fn join_open_organization(&self, person: &NewPerson, trail: Trail) -> Result<(), Error> {
        joining::join_open(self, person, trail).await
    }

    async fn accept_invitation(
        &self,
        invitation_id: &str,
        person: &NewPerson,
        trail: Trail,
    ) -> Result<(), Error> {
        joining::accept(self, invitation_id, person, trail).await
    }

    async fn create_person(&self, person: &NewPerson, trail: Trail) -> Result<(), Error> {
        joining::create(self, person, trail).await
    }

    async fn record_sign_in(
        &self,
        change: SuccessfulSignIn,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        sign_ins::succeeded(self, change, trail, mails).await
    }

    async fn record_failed_sign_in(
        &self,
        change: FailedSignIn,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        sign_ins::failed(self, change, trail, mails).await
    }

    async fn replace_password(
        &self,
        person_id: &str,
        expected_epoch: i64,
        new_hash: &str,
        account_key: Option<&str>,
        notice: Option<OneTimeGrant>,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(i64, i64), Error> {
        let change = locks::Replacement { person_id, expected_epoch, new_hash, account_key, notice, at };
        locks::replace_password(self, change, trail, mails).await
    }

    async fn lift_locks(&self, person_id: &str, at: Timestamp, trail: Trail) -> Result<bool, Error> {
        locks::lift_all(self, person_id, at, trail).await
    }

    async fn tell_lifted(&self, keys: &[String], at: Timestamp) -> Result<(), Fault> {
        locks::tell_lifted(self, keys, at).await
    }

    async fn lock_keys_of(&self, person_id: &str) -> Result<Vec<String>, Fault> {
        self.all(LOCK_KEYS, vec![person_id.into()], |row| row.text("key")).await
    }

    async fn locks_of_organization(
        &self,
        org_id: &str,
        now: Timestamp,
        page: &LockPage,
    ) -> Result<Vec<Lock>, Fault> {
        let (until, key) =
            page.after.as_ref().map_or((Timestamp::MAX, ""), |after| (after.locked_until, &*after.key));
        let params = vec![org_id.into(), now.into(), until.into(), key.into(), page.limit.into()];
        self.all(LOCKS_OF_ORGANIZATION, params, credentials_rows::lock).await
    }

    async fn peek_token(
        &self,
        hash: &TokenHash,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let params = vec![hash.0.into(), purpose.as_str().into(), now.into()];
        self.one(PEEK, params, |row| row.text("person_id")).await
    }

    async fn redeem_unlock(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        trail: Trail,
    ) -> Result<Vec<String>, Error> {
        locks::redeem_unlock(self, hash, at, trail).await
    }

    async fn redeem_not_me(&self, hash: &TokenHash, at: Timestamp, trail: Trail) -> Result<(), Error> {
        locks::redeem_not_me(self, hash, at, trail).await
    }

    async fn record_ended_sessions(
        &self,
        person_id: &str,
        ended: &[(SessionId, Timestamp)],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        sign_ins::end_sessions(&mut unit, person_id, ended, at);
        self.store(unit).await.map(|_| ())
    }

    async fn raise_epoch(&self, person_id: &str, at: Timestamp, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(EXISTING_PERSON, vec![person_id.into()], NO_PERSON);
        sign_ins::raise_epoch(&mut unit, person_id, at);
        self.store(unit).await.map(|_| ())
    }

    async fn changes_since(&self, since: Timestamp) -> Result<RevocationChanges, Fault> {
        upkeep::changes_since(self, since).await
    }

    async fn purge_expired(&self, now: Timestamp, kept_from: i64) -> Result<u64, Fault> {
        upkeep::purge(self, now, kept_from).await
    }
}
