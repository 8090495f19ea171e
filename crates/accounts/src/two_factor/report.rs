//! For auditors: who has a second factor, and who should.

use hardening::audit::{Action, Resource, SYSTEM_ORGANIZATION};

use crate::audit_trail::{Actor, Happening};
use crate::error::Error;
use crate::model::Page;
use crate::operator::context;
use crate::ports::FactorRow;
use crate::services::Services;

/// People read at once.
const PAGE: u32 = 500;

/// A person of the report.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who, and how the second factor stands.
    pub row: FactorRow,
    /// Whether the organization asks this person for one.
    pub required: bool,
    /// Whether it is asked for now, and missing.
    pub overdue: bool,
}

/// Everybody of one organization or of all. That it was read is put on record.
pub async fn second_factors(
    services: &Services,
    os_user: &str,
    org_id: Option<&str>,
) -> Result<Vec<Entry>, Error> {
    let org = org_id.unwrap_or(SYSTEM_ORGANIZATION);
    let read = Happening::done(Action::AuditRead, Resource::new("second_factors", org));
    let trail = services.trail(&context(services), &Actor::operator(os_user, org), read);
    services.audit.append(trail).await?;
    let now = services.clock.now();
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.row.person.id.clone());
        let rows = services.two_factor_policies.factors(org_id, &Page { limit: PAGE, after }).await?;
        let last = rows.len() < PAGE as usize;
        entries.extend(rows.into_iter().map(|row| {
            let policy = services.policies.of(&row.person.org_id).unwrap_or_default();
            let missing = !row.person.two_factor_enabled;
            Entry {
                required: policy.concerns(&row.person.roles),
                overdue: missing && policy.demands(&row.person.roles, now),
                row,
            }
        }));
        if last {
            return Ok(entries);
        }
    }
}
