//! [`PeopleStore`]: people as admins see and change them.

use accounts::error::Error;
use accounts::model::{ADMIN, Page, Person, PersonStatus};
use accounts::outbox::Mail;
use accounts::ports::{PeopleStore, PersonPatch};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::accounts::sign_ins::raise_epoch;
use super::anonymise::{self, Whom};
use super::credentials_rows::{self, person_columns, person_tables};
use super::erasure;
use super::refusals::{CONFLICT, LAST_ADMIN, NO_ORGANIZATION, NO_PERSON, error_of};
use super::texts::texts;
use super::{SqlStore, after, audited, json_list, later_than};
use crate::sql::{Sql, SqlError, Unit, Value};

macro_rules! people {
    ($condition:literal) => {
        concat!("SELECT ", person_columns!(), " FROM ", person_tables!(), " WHERE ", $condition)
    };
}

texts! {
    query GET = Sql::same(people!("p.id = $2 AND p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved')"));
    query LIST = Sql::same(people!(
        "p.org_id = $1 AND p.id > $2 AND p.status NOT IN ('deleted', 'reserved') ORDER BY p.id LIMIT $3"
    ));
    query BY_EMAIL = Sql::same(people!(
        "p.id = (SELECT e.person_id FROM person_emails e WHERE e.canonical = $1)"
    ));
    // Once what JSON escapes is something else, a quote ends a name, so the quoted word is the role.
    query FIRST_ADMIN = Sql::pair(
        people!(
            "p.status = 'active' AND instr(replace(replace(p.roles, '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0 AND p.org_id IN \
             (SELECT o.id FROM organizations o WHERE o.status = 'active') ORDER BY p.created_at, p.id LIMIT 1"
        ),
        people!(
            "p.status = 'active' AND strpos(replace(replace(CAST(p.roles AS TEXT), '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0 AND p.org_id IN \
             (SELECT o.id FROM organizations o WHERE o.status = 'active') ORDER BY p.created_at, p.id LIMIT 1"
        ),
    );
    query ACTIVE_ADMINS = Sql::pair(
        people!(
            "p.org_id = $1 AND p.status = 'active' AND instr(replace(replace(p.roles, '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0 \
             ORDER BY p.created_at, p.id LIMIT $2"
        ),
        people!(
            "p.org_id = $1 AND p.status = 'active' AND strpos(replace(replace(CAST(p.roles AS TEXT), '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0 \
             ORDER BY p.created_at, p.id LIMIT $2"
        ),
    );
    query ANY_ORGANIZATION = Sql::same("SELECT id FROM organizations WHERE status <> 'reserved' LIMIT 1");
    guard UPDATE = Sql::same(
        "UPDATE people SET name = COALESCE($4, name), timezone = COALESCE($5, timezone), \
         language = COALESCE($6, language), updated_at = $7 WHERE id = $1 AND org_id = $2 AND updated_at = $3 \
         AND status NOT IN ('deleted', 'reserved')",
    );
    guard LOCK_ORGANIZATION = Sql::same("UPDATE organizations SET updated_at = updated_at WHERE id = $1");
    guard SET_ROLES = Sql::same(
        "UPDATE people SET roles = $4, updated_at = $5 WHERE id = $1 AND org_id = $2 AND updated_at = $3 \
         AND status NOT IN ('deleted', 'reserved')",
    );
    guard SET_STATUS = Sql::same(
        "UPDATE people SET status = $5, updated_at = $6 WHERE id = $1 AND org_id = $2 AND updated_at = $3 \
         AND status = $4",
    );
    guard TOUCH = Sql::same(
        "UPDATE people SET updated_at = $4 WHERE id = $1 AND org_id = $2 AND updated_at = $3 \
         AND status NOT IN ('deleted', 'reserved')",
    );
    guard DELETED = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND org_id = $2 AND status = 'deleted'",
    );
    guard ADMIN_REMAINS = Sql::pair(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND EXISTS (SELECT 1 FROM people p \
         WHERE p.org_id = $1 AND p.id <> $2 AND p.status = 'active' AND instr(replace(replace(p.roles, '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0)",
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND EXISTS (SELECT 1 FROM people p \
         WHERE p.org_id = $1 AND p.id <> $2 AND p.status = 'active' \
         AND strpos(replace(replace(CAST(p.roles AS TEXT), '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0)",
    );
}

fn version(before: &Person) -> Vec<Value> {
    vec![(&before.id).into(), (&before.org_id).into(), before.updated_at.into()]
}

fn with(mut params: Vec<Value>, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
    params.extend(more);
    params
}

/// Adds what keeps the last active admin from going. Holding the organization's row, two who demote each
/// other take turns, and the second one sees what the first has done.
fn keep_an_admin(unit: &mut Unit, before: &Person) {
    if before.is_admin() && before.status == PersonStatus::Active {
        unit.guarded(LOCK_ORGANIZATION, vec![(&before.org_id).into()], NO_ORGANIZATION);
        unit.guarded(ADMIN_REMAINS, vec![(&before.org_id).into(), (&before.id).into()], LAST_ADMIN);
    }
}

impl SqlStore {
    /// Adds the anonymising of somebody who was last changed at the seen version.
    async fn anonymise(&self, unit: &mut Unit, before: &Person, at: Timestamp) -> Result<(), Error> {
        let whom = Whom::Person(&before.id);
        let failure_keys = anonymise::failure_keys(self, whom).await?;
        let at = later_than(before.updated_at, at);
        anonymise::anonymise_invitations(unit, whom, at);
        unit.guarded(TOUCH, with(version(before), [at.into()]), CONFLICT);
        anonymise::anonymise(unit, whom, failure_keys, at);
        Ok(())
    }
}

#[async_trait]
impl PeopleStore for SqlStore {
    async fn get(&self, org_id: &str, person_id: &str) -> Result<Option<Person>, Fault> {
        self.one(GET, vec![org_id.into(), person_id.into()], credentials_rows::person).await
    }

    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Person>, Fault> {
        let params = vec![org_id.into(), after(page), page.limit.into()];
        self.all(LIST, params, credentials_rows::person).await
    }

    async fn update(
        &self,
        before: &Person,
        patch: &PersonPatch,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        let fields = [
            patch.name.as_deref().into(),
            patch.timezone.as_deref().into(),
            patch.language.as_deref().into(),
            later_than(before.updated_at, at).into(),
        ];
        unit.guarded(UPDATE, with(version(before), fields), CONFLICT);
        self.store(unit).await.map(|_| ())
    }

    async fn set_roles(
        &self,
        before: &Person,
        roles: &[String],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        if !roles.iter().any(|role| role == ADMIN) {
            keep_an_admin(&mut unit, before);
        }
        let fields = [json_list(roles), later_than(before.updated_at, at).into()];
        unit.guarded(SET_ROLES, with(version(before), fields), CONFLICT);
        raise_epoch(&mut unit, &before.id, at);
        self.store(unit).await.map(|_| ())
    }

    async fn set_locked(
        &self,
        before: &Person,
        locked: bool,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        let (from, to) = if locked {
            (PersonStatus::Active, PersonStatus::Locked)
        } else {
            (PersonStatus::Locked, PersonStatus::Active)
        };
        let mut unit = self.unit(trail);
        if locked {
            keep_an_admin(&mut unit, before);
        }
        let fields = [from.as_str().into(), to.as_str().into(), later_than(before.updated_at, at).into()];
        unit.guarded(SET_STATUS, with(version(before), fields), CONFLICT);
        raise_epoch(&mut unit, &before.id, at);
        self.enqueue(&mut unit, &mails);
        self.store(unit).await.map(|_| ())
    }

    async fn delete(&self, before: &Person, at: Timestamp, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        keep_an_admin(&mut unit, before);
        self.anonymise(&mut unit, before, at).await?;
        self.store(unit).await.map(|_| ())
    }

    async fn delete_and_erase(&self, before: &Person, at: Timestamp, trail: Trail) -> Result<(), Error> {
        let whom = erasure::Whom { org_id: &before.org_id, person_id: &before.id };
        // Erasing needs its event, also where other changes go unrecorded.
        let mut unit = audited(&trail);
        keep_an_admin(&mut unit, before);
        erasure::erase_invitations(&mut unit, whom, at);
        self.anonymise(&mut unit, before, at).await?;
        erasure::erase(&mut unit, whom, &trail, at);
        self.store(unit).await.map(|_| ())
    }

    async fn erase_deleted(
        &self,
        org_id: &str,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let whom = erasure::Whom { org_id, person_id };
        let mut unit = audited(&trail);
        erasure::erase_invitations(&mut unit, whom, at);
        unit.guarded(DELETED, vec![person_id.into(), org_id.into()], NO_PERSON);
        erasure::require_something(&mut unit, whom);
        erasure::erase(&mut unit, whom, &trail, at);
        match self.database.commit(unit).await {
            Ok(_) | Err(SqlError::Conflict(erasure::NOTHING_LEFT)) => Ok(()),
            Err(error) => Err(error_of(error)),
        }
    }

    async fn find_by_email(&self, canonical: &str) -> Result<Option<Person>, Fault> {
        self.one(BY_EMAIL, vec![canonical.into()], credentials_rows::person).await
    }

    async fn first_admin(&self) -> Result<Option<Person>, Fault> {
        self.one(FIRST_ADMIN, Vec::new(), credentials_rows::person).await
    }

    async fn active_admins(&self, org_id: &str, limit: u32) -> Result<Vec<Person>, Fault> {
        self.all(ACTIVE_ADMINS, vec![org_id.into(), limit.into()], credentials_rows::person).await
    }

    async fn anyone_exists(&self) -> Result<bool, Fault> {
        Ok(self.one(ANY_ORGANIZATION, Vec::new(), |row| row.text("id")).await?.is_some())
    }
}
