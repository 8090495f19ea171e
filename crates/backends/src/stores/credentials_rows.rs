//! How rows become people, organizations, credentials and locks, and the columns that takes.

use accounts::model::{Credentials, Lock, Organization, OrganizationSettings, Person, PersonStatus};

use hardening::clock::Timestamp;

use super::text_list;
use crate::sql::{Row, SqlError};

/// Columns of [`person`], from `people p LEFT JOIN user_security_settings s`.
macro_rules! person_columns {
    () => {
        "p.id, p.org_id, p.name, p.email, p.roles, p.timezone, p.language, p.status, \
         COALESCE(s.totp_enabled, FALSE) AS two_factor_enabled, p.created_at, p.updated_at"
    };
}

/// Where [`person_columns`] come from.
macro_rules! person_tables {
    () => {
        "people p LEFT JOIN user_security_settings s ON s.user_id = p.id"
    };
}

/// Columns of [`settings`], from `organization_settings g` joined from the left.
macro_rules! settings_columns {
    () => {
        "COALESCE(g.open_signup, FALSE) AS open_signup, g.session_ttl_hours, g.session_idle_minutes, \
         g.session_max_per_user"
    };
}

pub(super) use {person_columns, person_tables, settings_columns};

/// Columns that an adopted table may leave empty get the value that new rows have.
pub(super) fn person(row: &Row) -> Result<Person, SqlError> {
    Ok(Person {
        id: row.text("id")?,
        org_id: row.text("org_id")?,
        name: row.text("name")?,
        email: row.opt_text("email")?,
        roles: text_list(row, "roles")?,
        timezone: row.opt_text("timezone")?.unwrap_or_else(|| "UTC".to_owned()),
        language: row.opt_text("language")?.unwrap_or_else(|| "en".to_owned()),
        status: PersonStatus::parse(&row.text("status")?),
        two_factor_enabled: row.bool("two_factor_enabled")?,
        created_at: row.opt_time("created_at")?.unwrap_or(Timestamp::EPOCH),
        updated_at: row.opt_time("updated_at")?.unwrap_or(Timestamp::EPOCH),
    })
}

fn settings(row: &Row) -> Result<OrganizationSettings, SqlError> {
    let number = |column| Ok(row.opt_int(column)?.and_then(|n| u32::try_from(n).ok()));
    Ok(OrganizationSettings {
        open_signup: row.bool("open_signup")?,
        session_ttl_hours: number("session_ttl_hours")?,
        session_idle_minutes: number("session_idle_minutes")?,
        session_max_per_user: number("session_max_per_user")?,
    })
}

pub(super) fn organization(row: &Row) -> Result<Organization, SqlError> {
    Ok(Organization {
        id: row.text("id")?,
        name: row.text("name")?,
        region: row.opt_text("region")?,
        settings: settings(row)?,
        created_at: row.opt_time("created_at")?.unwrap_or(Timestamp::EPOCH),
        updated_at: row.opt_time("updated_at")?.unwrap_or(Timestamp::EPOCH),
    })
}

pub(super) fn credentials(row: &Row) -> Result<Credentials, SqlError> {
    Ok(Credentials {
        person: person(row)?,
        organization_settings: settings(row)?,
        organization_name: row.text("organization_name")?,
        organization_active: row.text("organization_status")? == "active",
        password_hash: row.opt_text("password_hash")?,
        credential_epoch: row.int("credential_epoch")?,
        device_epoch: row.int("device_epoch")?,
    })
}

pub(super) fn lock(row: &Row) -> Result<Lock, SqlError> {
    Ok(Lock {
        key: row.text("key")?,
        kind: row.text("kind")?,
        org_id: row.opt_text("org_id")?,
        person_id: row.opt_text("person_id")?,
        subject: row.text("subject")?,
        failures: u32::try_from(row.int("failures")?).unwrap_or(u32::MAX),
        locked_at: row.time("locked_at")?,
        locked_until: row.time("locked_until")?,
    })
}
