//! [`TeamStore`]: teams and who is in them.

use accounts::error::Error;
use accounts::model::{Page, Team};
use accounts::ports::TeamStore;
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::refusals::{CONFLICT, NO_MEMBER, NO_PERSON, NO_TEAM, error_of};
use super::texts::texts;
use super::{SqlStore, after, later_than, text_list};
use crate::sql::{Row, Sql, SqlError};

macro_rules! teams {
    ($members:literal, $condition:literal) => {
        concat!(
            "SELECT t.id, t.org_id, t.name, t.description, t.created_at, t.updated_at, (SELECT ",
            $members,
            "(m.person_id) FROM team_members m WHERE m.team_id = t.id) AS members FROM teams t WHERE ",
            $condition
        )
    };
    ($condition:literal) => {
        Sql::pair(teams!("json_group_array", $condition), teams!("json_agg", $condition))
    };
}

texts! {
    query GET = teams!("t.id = $2 AND t.org_id = $1");
    query LIST = teams!("t.org_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3");
    run INSERT = Sql::same(
        "INSERT INTO teams (id, org_id, name, description, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    );
    guard UPDATE = Sql::same(
        "UPDATE teams SET name = $4, description = $5, updated_at = $6 WHERE id = $1 AND org_id = $2 \
         AND updated_at = $3",
    );
    guard LOCK_TEAM = Sql::same("UPDATE teams SET updated_at = updated_at WHERE id = $1 AND org_id = $2");
    guard LOCK_VERSION = Sql::same(
        "UPDATE teams SET updated_at = updated_at WHERE id = $1 AND org_id = $2 AND updated_at = $3",
    );
    run DELETE_MEMBERS = Sql::same("DELETE FROM team_members WHERE team_id = $1");
    guard DELETE = Sql::same("DELETE FROM teams WHERE id = $1");
    guard LOCK_ACTIVE_PERSON = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND org_id = $2 AND status = 'active'",
    );
    run ADD_MEMBER = Sql::same(
        "INSERT INTO team_members (team_id, person_id, added_at) VALUES ($1, $2, $3)",
    );
    guard REMOVE_MEMBER = Sql::same("DELETE FROM team_members WHERE team_id = $1 AND person_id = $2");
}

fn read(row: &Row) -> Result<Team, SqlError> {
    let mut members = text_list(row, "members")?;
    members.sort();
    Ok(Team {
        id: row.text("id")?,
        org_id: row.text("org_id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        members,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

#[async_trait]
impl TeamStore for SqlStore {
    async fn get(&self, org_id: &str, team_id: &str) -> Result<Option<Team>, Fault> {
        self.one(GET, vec![org_id.into(), team_id.into()], read).await
    }

    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Team>, Fault> {
        self.all(LIST, vec![org_id.into(), after(page), page.limit.into()], read).await
    }

    async fn create(&self, team: &Team, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.run(
            INSERT,
            vec![
                (&team.id).into(),
                (&team.org_id).into(),
                (&team.name).into(),
                (&team.description).into(),
                team.created_at.into(),
                team.updated_at.into(),
            ],
        );
        self.store(unit).await.map(|_| ())
    }

    async fn update(&self, before: &Team, after: &Team, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(
            UPDATE,
            vec![
                (&before.id).into(),
                (&before.org_id).into(),
                before.updated_at.into(),
                (&after.name).into(),
                (&after.description).into(),
                later_than(before.updated_at, after.updated_at).into(),
            ],
            CONFLICT,
        );
        self.store(unit).await.map(|_| ())
    }

    async fn delete(&self, before: &Team, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        let version = vec![(&before.id).into(), (&before.org_id).into(), before.updated_at.into()];
        unit.guarded(LOCK_VERSION, version, CONFLICT);
        unit.run(DELETE_MEMBERS, vec![(&before.id).into()]);
        unit.guarded(DELETE, vec![(&before.id).into()], CONFLICT);
        self.store(unit).await.map(|_| ())
    }

    async fn add_member(
        &self,
        team: &Team,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
    ) -> Result<bool, Error> {
        let mut unit = self.unit(trail);
        unit.guarded(LOCK_TEAM, vec![(&team.id).into(), (&team.org_id).into()], NO_TEAM);
        unit.guarded(LOCK_ACTIVE_PERSON, vec![person_id.into(), (&team.org_id).into()], NO_PERSON);
        unit.run(ADD_MEMBER, vec![(&team.id).into(), person_id.into(), at.into()]);
        match self.database.commit(unit).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_unique_on("team_members") => Ok(false),
            Err(error) => Err(error_of(error)),
        }
    }

    async fn remove_member(&self, team: &Team, person_id: &str, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(LOCK_TEAM, vec![(&team.id).into(), (&team.org_id).into()], NO_TEAM);
        unit.guarded(REMOVE_MEMBER, vec![(&team.id).into(), person_id.into()], NO_MEMBER);
        self.store(unit).await.map(|_| ())
    }
}
