//! [`OrganizationStore`]: organizations and their settings.

use accounts::error::Error;
use accounts::model::{Organization, Person};
use accounts::ports::OrganizationStore;
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::anonymise::{self, Whom};
use super::credentials_rows::{self, person_columns, person_tables, settings_columns};
use super::refusals::{CONFLICT, NO_ORGANIZATION, OTHER_ADMINS};
use super::texts::texts;
use super::{SqlStore, json_list, later_than};
use crate::sql::Sql;

texts! {
    query GET = Sql::same(concat!(
        "SELECT o.id, o.name, o.region, o.created_at, o.updated_at, ",
        settings_columns!(),
        " FROM organizations o LEFT JOIN organization_settings g ON g.org_id = o.id \
         WHERE o.id = $1 AND o.status = 'active'"
    ));
    guard UPDATE = Sql::same(
        "UPDATE organizations SET name = $3, region = $4, updated_at = $5 WHERE id = $1 AND updated_at = $2 \
         AND status = 'active'",
    );
    run SET_SETTINGS = Sql::same(
        "INSERT INTO organization_settings (org_id, open_signup, session_ttl_hours, session_idle_minutes, \
         session_max_per_user, updated_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id) DO UPDATE SET \
         open_signup = excluded.open_signup, session_ttl_hours = excluded.session_ttl_hours, \
         session_idle_minutes = excluded.session_idle_minutes, \
         session_max_per_user = excluded.session_max_per_user, updated_at = excluded.updated_at",
    );
    guard CLOSE = Sql::same(
        "UPDATE organizations SET status = 'deleted', updated_at = $2 WHERE id = $1 AND status = 'active'",
    );
    guard ONE_ADMIN_AT_MOST = Sql::pair(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND (SELECT count(*) FROM people p \
         WHERE p.org_id = $1 AND p.status <> 'deleted' AND instr(replace(replace(p.roles, '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0) <= 1",
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND (SELECT count(*) FROM people p \
         WHERE p.org_id = $1 AND p.status <> 'deleted' \
         AND strpos(replace(replace(CAST(p.roles AS TEXT), '\\\\', '/'), '\\\"', '/'), '\"admin\"') > 0) <= 1",
    );
    guard THESE_ARE_ALL = Sql::pair(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND (SELECT count(*) FROM people p \
         WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved')) = json_array_length($2) \
         AND NOT EXISTS (SELECT 1 FROM people p WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved') \
         AND p.id NOT IN (SELECT value FROM json_each($2)))",
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND (SELECT count(*) FROM people p \
         WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved')) = jsonb_array_length(CAST($2 AS jsonb)) \
         AND NOT EXISTS (SELECT 1 FROM people p WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved') \
         AND p.id NOT IN (SELECT jsonb_array_elements_text(CAST($2 AS jsonb))))",
    );
    query EVERYBODY = Sql::same(concat!(
        "SELECT ",
        person_columns!(),
        " FROM ",
        person_tables!(),
        " WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved') ORDER BY p.id"
    ));
}

#[async_trait]
impl OrganizationStore for SqlStore {
    async fn get(&self, org_id: &str) -> Result<Option<Organization>, Fault> {
        self.one(GET, vec![org_id.into()], credentials_rows::organization).await
    }

    async fn update(
        &self,
        before: &Organization,
        after: &Organization,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let at = later_than(before.updated_at, at);
        let settings = after.settings;
        let mut unit = self.unit(trail);
        unit.guarded(
            UPDATE,
            vec![
                (&before.id).into(),
                before.updated_at.into(),
                (&after.name).into(),
                after.region.as_deref().into(),
                at.into(),
            ],
            CONFLICT,
        );
        unit.run(
            SET_SETTINGS,
            vec![
                (&before.id).into(),
                settings.open_signup.into(),
                settings.session_ttl_hours.into(),
                settings.session_idle_minutes.into(),
                settings.session_max_per_user.into(),
                at.into(),
            ],
        );
        self.store(unit).await.map(|_| ())
    }

    async fn delete(
        &self,
        org_id: &str,
        members: &[String],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error> {
        let whom = Whom::EverybodyIn(org_id);
        let failure_keys = anonymise::failure_keys(self, whom).await?;
        let mut unit = self.unit(trail);
        unit.guarded(CLOSE, vec![org_id.into(), at.into()], NO_ORGANIZATION);
        unit.guarded(ONE_ADMIN_AT_MOST, vec![org_id.into()], OTHER_ADMINS);
        anonymise::anonymise_invitations(&mut unit, whom, at);
        unit.guarded(THESE_ARE_ALL, vec![org_id.into(), json_list(members)], CONFLICT);
        anonymise::anonymise(&mut unit, whom, failure_keys, at);
        self.store(unit).await.map(|_| ())
    }

    async fn everybody(&self, org_id: &str) -> Result<Vec<Person>, Fault> {
        self.all(EVERYBODY, vec![org_id.into()], credentials_rows::person).await
    }
}
