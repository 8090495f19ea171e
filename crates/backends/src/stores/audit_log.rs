//! [`AuditLog`]: reading the trail, and events without a change.

use accounts::error::Error;
use accounts::ports::{AuditFilter, AuditLog, AuditPage, AuditRow, AuditRows};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use hardening::audit::Trail;
use hardening::fault::Fault;

use super::audit_filter;
use super::refusals::fault_of;
use super::{SqlStore, matches_nothing};
use crate::sql::{Row, SqlError};

fn read(row: &Row) -> Result<AuditRow, SqlError> {
    Ok(AuditRow {
        id: row.text("id")?,
        timestamp: row.time("timestamp")?,
        org_id: row.text("org_id")?,
        user_id: row.text("user_id")?,
        user_email: row.text("user_email")?,
        user_roles: row.json("user_roles")?,
        action: row.text("action")?,
        resource_type: row.text("resource_type")?,
        resource_id: row.text("resource_id")?,
        resource_name: row.opt_text("resource_name")?,
        changes: row.opt_json("changes")?,
        ip_address: row.opt_text("ip_address")?,
        user_agent: row.opt_text("user_agent")?,
        request_id: row.opt_text("request_id")?,
        status: row.text("status")?,
        error_message: row.opt_text("error_message")?,
    })
}

#[async_trait]
impl AuditLog for SqlStore {
    async fn append(&self, trail: Trail) -> Result<(), Fault> {
        match self.store(self.unit(trail)).await {
            Ok(_) => Ok(()),
            Err(Error::Fault(fault)) => Err(fault),
            Err(Error::Refused(refusal)) => Err(Fault::internal(refusal)),
        }
    }

    async fn page(&self, filter: &AuditFilter, page: &AuditPage) -> Result<Vec<AuditRow>, Fault> {
        let (text, params) = audit_filter::page(filter, page);
        self.all(text, params, read).await
    }

    async fn count_up_to(&self, filter: &AuditFilter, cap: u32) -> Result<u32, Fault> {
        let (text, params) = audit_filter::count(filter, cap);
        let counted = self.one(text, params, |row| row.int("total")).await?;
        Ok(counted.and_then(|total| u32::try_from(total).ok()).unwrap_or(0))
    }

    fn stream(&self, filter: &AuditFilter) -> AuditRows {
        let (text, params) = audit_filter::stream(filter);
        if matches_nothing(&params) {
            return Box::pin(futures_util::stream::empty());
        }
        let rows = self.database.stream(text, params);
        Box::pin(rows.map(|row| row.and_then(|row| read(&row)).map_err(fault_of)))
    }
}
