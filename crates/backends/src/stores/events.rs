//! [`EventStore`]: what people sign up for.

use accounts::error::Error;
use accounts::model::{Event, Page};
use accounts::ports::EventStore;
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::fault::Fault;

use super::refusals::CONFLICT;
use super::texts::texts;
use super::{SqlStore, after, later_than};
use crate::sql::{Row, Sql, SqlError, Value};

macro_rules! events {
    ($condition:literal) => {
        Sql::same(concat!(
            "SELECT id, org_id, title, type, start_time, end_time, location, description, required_roles, \
             created_by, created_at, updated_at FROM events WHERE ",
            $condition
        ))
    };
}

texts! {
    query GET = events!("id = $2 AND org_id = $1");
    query LIST = events!("org_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    run INSERT = Sql::same(
        "INSERT INTO events (id, org_id, title, type, start_time, end_time, location, description, \
         required_roles, created_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    );
    guard UPDATE = Sql::same(
        "UPDATE events SET title = $4, type = $5, start_time = $6, end_time = $7, location = $8, \
         description = $9, required_roles = $10, updated_at = $11 WHERE id = $1 AND org_id = $2 \
         AND updated_at = $3",
    );
    guard DELETE = Sql::same("DELETE FROM events WHERE id = $1 AND org_id = $2 AND updated_at = $3");
}

fn read(row: &Row) -> Result<Event, SqlError> {
    Ok(Event {
        id: row.text("id")?,
        org_id: row.text("org_id")?,
        title: row.text("title")?,
        kind: row.text("type")?,
        start: row.time("start_time")?,
        end: row.time("end_time")?,
        location: row.text("location")?,
        description: row.text("description")?,
        required_roles: serde_json::from_value(row.json("required_roles")?)
            .map_err(|_| SqlError::Bad("column required_roles holds no roles".to_owned()))?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn content(event: &Event) -> [Value; 7] {
    [
        (&event.title).into(),
        (&event.kind).into(),
        event.start.into(),
        event.end.into(),
        (&event.location).into(),
        (&event.description).into(),
        Value::json(&event.required_roles),
    ]
}

fn version(event: &Event) -> Vec<Value> {
    vec![(&event.id).into(), (&event.org_id).into(), event.updated_at.into()]
}

#[async_trait]
impl EventStore for SqlStore {
    async fn get(&self, org_id: &str, event_id: &str) -> Result<Option<Event>, Fault> {
        self.one(GET, vec![org_id.into(), event_id.into()], read).await
    }

    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Event>, Fault> {
        self.all(LIST, vec![org_id.into(), after(page), page.limit.into()], read).await
    }

    async fn create(&self, event: &Event, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        let mut params = vec![(&event.id).into(), (&event.org_id).into()];
        params.extend(content(event));
        params.extend([(&event.created_by).into(), event.created_at.into(), event.updated_at.into()]);
        unit.run(INSERT, params);
        self.store(unit).await.map(|_| ())
    }

    async fn update(&self, before: &Event, after: &Event, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        let mut params = version(before);
        params.extend(content(after));
        params.push(later_than(before.updated_at, after.updated_at).into());
        unit.guarded(UPDATE, params, CONFLICT);
        self.store(unit).await.map(|_| ())
    }

    async fn delete(&self, before: &Event, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(DELETE, version(before), CONFLICT);
        self.store(unit).await.map(|_| ())
    }
}
