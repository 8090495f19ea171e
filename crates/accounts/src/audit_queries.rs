//! Reading and exporting the trail of one's own organization. Both are themselves audited.

use hardening::audit::{Action, Changes, Resource};
use hardening::clock::Timestamp;
use serde_json::Value;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::Error;
use crate::ports::{AuditCursor, AuditFilter, AuditPage, AuditRow, AuditRows};
use crate::services::Services;

/// Up to where totals are counted exactly.
pub const TOTAL_CAP: u32 = 10_000;

/// A page of the trail.
#[derive(Debug)]
pub struct AuditListing {
    /// Newest first.
    pub rows: Vec<AuditRow>,
    /// How many rows match, counted up to [`TOTAL_CAP`].
    pub total: u32,
    /// Whether there are more than that.
    pub total_capped: bool,
    /// Where the next page starts.
    pub next: Option<AuditCursor>,
}

/// A page of the organization's trail, for admins.
pub async fn list(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    filter: AuditFilter,
    page: AuditPage,
) -> Result<AuditListing, Error> {
    principal.require_admin()?;
    let filter = AuditFilter { org_id: Some(principal.org_id().to_owned()), ..filter };
    note_read(services, context, principal, page.after.is_none() && page.offset == 0).await?;
    let wanted = page.limit as usize;
    let mut rows = services.audit.page(&filter, &AuditPage { limit: page.limit + 1, ..page }).await?;
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next =
        rows.last().filter(|_| more).map(|row| AuditCursor { timestamp: row.timestamp, id: row.id.clone() });
    let counted = counted(services, &filter).await?;
    Ok(AuditListing { rows, total: counted.min(TOTAL_CAP), total_capped: counted > TOTAL_CAP, next })
}

/// How many rows match, up to one more than [`TOTAL_CAP`].
async fn counted(services: &Services, filter: &AuditFilter) -> Result<u32, Error> {
    let long_trails = &services.tallies.long_trails;
    if long_trails.has(filter) {
        return Ok(TOTAL_CAP + 1);
    }
    let counted = services.audit.count_up_to(filter, TOTAL_CAP + 1).await?;
    if counted > TOTAL_CAP {
        long_trails.note(filter);
    }
    Ok(counted)
}

/// Puts a read on record, before anything is read: what cannot be recorded does not happen.
async fn note_read(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    first_page: bool,
) -> Result<(), Error> {
    let (person_id, now) = (principal.person_id(), services.clock.now());
    if services.tallies.reads.has_row(person_id, first_page, now) {
        return Ok(());
    }
    let read = Happening::done(Action::AuditRead, Resource::new("audit_log", principal.org_id()));
    services.audit.append(services.trail(context, &Actor::principal(principal), read)).await?;
    services.tallies.reads.note(person_id, now);
    Ok(())
}

/// Every row of the organization's trail that matches, oldest first, for admins with a fresh session.
pub async fn export(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    filter: AuditFilter,
    format: &'static str,
) -> Result<AuditRows, Error> {
    principal.require_fresh_admin(services)?;
    let exported = Happening::done(Action::AuditExported, Resource::new("audit_log", principal.org_id()))
        .changing(exported_what(format, &filter));
    services.audit.append(services.trail(context, &Actor::principal(principal), exported)).await?;
    let filter = AuditFilter { org_id: Some(principal.org_id().to_owned()), ..filter };
    Ok(services.audit.stream(&filter))
}

/// What left the server: in which form, and what it was narrowed to.
pub fn exported_what(format: &str, filter: &AuditFilter) -> Changes {
    let bound = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let given = [
        ("start_date", bound(filter.start)),
        ("end_date", bound(filter.end)),
        ("action", filter.action.clone()),
        ("user_id", filter.user_id.clone()),
    ];
    given.into_iter().fold(Changes::new().field("format", Value::Null, format), |what, (name, value)| {
        what.field_if_changed(name, Value::Null, value)
    })
}
