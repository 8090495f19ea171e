//! [`TwoFactorPolicyStore`]: who must have a second factor, and who has one.

use accounts::error::Error;
use accounts::model::{Page, Person};
use accounts::ports::{FactorRow, StoredPolicy, TwoFactorPolicyStore};
use accounts::two_factor::policy::TwoFactorPolicy;
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use crate::sql::{Row, Sql, SqlError, Value};
use crate::stores::credentials_rows::{self, person_columns, person_tables};
use crate::stores::refusals::{CONFLICT, NO_ORGANIZATION};
use crate::stores::texts::texts;
use crate::stores::{SqlStore, after, json_list, text_list};

macro_rules! policies {
    ($condition:literal) => {
        Sql::same(concat!(
            "SELECT org_id, required, roles, deadline, updated_at FROM two_factor_policies WHERE ",
            $condition
        ))
    };
}

texts! {
    query POLICY_OF = policies!("org_id = $1");
    query SINCE = policies!("updated_at >= $1");
    guard LOCK_ORGANIZATION = Sql::same(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND status = 'active'",
    );
    guard FIRST_POLICY = Sql::same(
        "INSERT INTO two_factor_policies (org_id, required, roles, deadline, updated_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id) DO NOTHING",
    );
    guard REPLACE_POLICY = Sql::same(
        "UPDATE two_factor_policies SET required = $2, roles = $3, deadline = $4, updated_at = $5 \
         WHERE org_id = $1 AND updated_at = $6",
    );
    query PEOPLE_WITHOUT = Sql::same(concat!(
        "SELECT ",
        person_columns!(),
        " FROM ",
        person_tables!(),
        " WHERE p.org_id = $1 AND p.id > $2 AND p.status NOT IN ('deleted', 'reserved') \
         AND NOT COALESCE(s.totp_enabled, FALSE) ORDER BY p.id LIMIT $3"
    ));
    query COUNT_WITHOUT = Sql::same(concat!(
        "SELECT count(*) AS total FROM ",
        person_tables!(),
        " WHERE p.org_id = $1 AND p.status NOT IN ('deleted', 'reserved') \
         AND NOT COALESCE(s.totp_enabled, FALSE)"
    ));
    query FACTORS = Sql::same(concat!(
        "SELECT ",
        person_columns!(),
        ", o.name AS organization, s.totp_verified_at, (SELECT count(*) FROM recovery_codes r \
         WHERE r.person_id = p.id AND r.used_at IS NULL) AS codes_left FROM ",
        person_tables!(),
        " JOIN organizations o ON o.id = p.org_id WHERE ($1::text IS NULL OR p.org_id = $1::text) AND p.id > $2 \
         AND p.status NOT IN ('deleted', 'reserved') AND o.status = 'active' ORDER BY p.id LIMIT $3"
    ));
}

fn read(row: &Row) -> Result<StoredPolicy, SqlError> {
    Ok(StoredPolicy {
        org_id: row.text("org_id")?,
        policy: TwoFactorPolicy {
            require: row.bool("required")?,
            roles: text_list(row, "roles")?,
            deadline: row.opt_time("deadline")?,
        },
        updated_at: row.time("updated_at")?,
    })
}

fn read_factor(row: &Row) -> Result<FactorRow, SqlError> {
    Ok(FactorRow {
        person: credentials_rows::person(row)?,
        organization: row.text("organization")?,
        verified_at: row.opt_time("totp_verified_at")?,
        recovery_codes_left: u32::try_from(row.int("codes_left")?).unwrap_or(u32::MAX),
    })
}

#[async_trait]
impl TwoFactorPolicyStore for SqlStore {
    async fn policy_of(&self, org_id: &str) -> Result<Option<StoredPolicy>, Fault> {
        self.one(POLICY_OF, vec![org_id.into()], read).await
    }

    async fn set_policy(
        &self,
        fresh: &StoredPolicy,
        seen: Option<Timestamp>,
        trail: Trail,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(LOCK_ORGANIZATION, vec![(&fresh.org_id).into()], NO_ORGANIZATION);
        let mut params: Vec<Value> = vec![
            (&fresh.org_id).into(),
            fresh.policy.require.into(),
            json_list(&fresh.policy.roles),
            fresh.policy.deadline.into(),
            fresh.updated_at.into(),
        ];
        match seen {
            None => unit.guarded(FIRST_POLICY, params, CONFLICT),
            Some(seen) => {
                params.push(seen.into());
                unit.guarded(REPLACE_POLICY, params, CONFLICT)
            }
        };
        self.store(unit).await.map(|_| ())
    }

    async fn policies_since(&self, since: Timestamp) -> Result<Vec<StoredPolicy>, Fault> {
        self.all(SINCE, vec![since.into()], read).await
    }

    async fn people_without(&self, org_id: &str, page: &Page) -> Result<Vec<Person>, Fault> {
        let params = vec![org_id.into(), after(page), page.limit.into()];
        self.all(PEOPLE_WITHOUT, params, credentials_rows::person).await
    }

    async fn count_without(&self, org_id: &str) -> Result<i64, Fault> {
        let total = self.one(COUNT_WITHOUT, vec![org_id.into()], |row| row.int("total")).await?;
        Ok(total.unwrap_or(0))
    }

    async fn factors(&self, org_id: Option<&str>, page: &Page) -> Result<Vec<FactorRow>, Fault> {
        self.all(FACTORS, vec![org_id.into(), after(page), page.limit.into()], read_factor).await
    }
}
