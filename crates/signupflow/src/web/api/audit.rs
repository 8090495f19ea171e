//! Reading the audit log of one's organization.

use accounts::Refusal;
use accounts::audit_queries::{self, TOTAL_CAP};
use accounts::input::Judge;
use accounts::ports::{AuditFilter, AuditPage, AuditRow};
use axum::extract::State;
use hardening::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::web::extract::{Context, SignedIn};
use crate::web::openapi::ProblemBody;
use crate::web::paging::{judged_limit, read_audit_cursor, write_audit_cursor};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// Which rows; everything given narrows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// RFC 3339 time or a day such as 2026-11-24, inclusive.
    pub start_date: Option<String>,
    /// RFC 3339 time, exclusive; or a day, inclusive.
    pub end_date: Option<String>,
    /// Such as `auth.login`, or a family such as `auth.*`.
    pub action: Option<String>,
    /// Actor.
    pub user_id: Option<String>,
    /// Such as `event`.
    pub resource_type: Option<String>,
    /// Its id.
    pub resource_id: Option<String>,
    /// `success`, `failure` or `partial`.
    pub status: Option<String>,
    /// Exact address.
    pub ip_address: Option<String>,
    /// Text that occurs in the actor's address, the resource's name or id, or the error; in any case.
    pub q: Option<String>,
    /// 1 to 1000; 50 if not given.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows to skip, up to 10,000; use `cursor` beyond.
    pub offset: Option<u32>,
    /// Must be your own organization.
    pub org_id: Option<String>,
}

/// Reads a day or a time; a day as an end means its last moment.
pub fn read_date(text: &str, end_of_day: bool) -> Result<Timestamp, &'static str> {
    let day = time::macros::format_description!("[year]-[month]-[day]");
    if let Ok(date) = time::Date::parse(text, &day) {
        let midnight = date.midnight().assume_utc().unix_timestamp();
        let seconds = if end_of_day { midnight + 86_400 } else { midnight };
        return Ok(Timestamp::from_unix_seconds(seconds));
    }
    Timestamp::parse_rfc3339(text)
        .map_err(|_| "must be an RFC 3339 time, such as 2026-11-24T09:30:00Z, or a day, such as 2026-11-24")
}

impl AuditQuery {
    /// Judged.
    pub fn filter(&self) -> Result<AuditFilter, Refusal> {
        let mut judge = Judge::new();
        let start = self.start_date.as_deref().map(|text| judge.take("start_date", read_date(text, false)));
        let end = self.end_date.as_deref().map(|text| judge.take("end_date", read_date(text, true)));
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            judge.refuse("end_date", "must not be before start_date");
        }
        let known = ["success", "failure", "partial"];
        if self.status.as_deref().is_some_and(|status| !known.contains(&status)) {
            judge.refuse("status", "must be success, failure or partial");
        }
        let mut text = |field: &str, value: &Option<String>| {
            value.as_deref().map(|raw| judge.optional_line(field, raw, 200)).filter(|text| !text.is_empty())
        };
        let filter = AuditFilter {
            org_id: None,
            start,
            end,
            action: text("action", &self.action),
            user_id: text("user_id", &self.user_id),
            resource_type: text("resource_type", &self.resource_type),
            resource_id: text("resource_id", &self.resource_id),
            status: self.status.clone(),
            ip_address: text("ip_address", &self.ip_address),
            q: text("q", &self.q),
        };
        judge.verdict()?;
        Ok(filter)
    }

    fn page(&self) -> Result<AuditPage, Refusal> {
        let offset = self.offset.unwrap_or(0);
        if offset > TOTAL_CAP {
            return Err(Refusal::field("offset", "must be from 0 to 10000; use cursor beyond"));
        }
        if offset > 0 && self.cursor.is_some() {
            return Err(Refusal::field("offset", "give either offset or cursor"));
        }
        let after = self.cursor.as_deref().map(read_audit_cursor).transpose()?;
        Ok(AuditPage { limit: judged_limit(self.limit)?, after, offset })
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLogsBody {
    /// Newest first.
    #[schema(value_type = Vec<AuditRowBody>)]
    pub logs: Vec<AuditRow>,
    /// How many rows match; exact up to 10,000.
    pub total: u32,
    /// True when there are more than 10,000.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_capped: bool,
    /// As asked.
    pub limit: u32,
    /// As asked.
    pub offset: u32,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A row of `audit_logs`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRowBody {
    id: String,
    #[schema(format = DateTime)]
    timestamp: String,
    org_id: String,
    user_id: String,
    user_email: String,
    user_roles: Vec<String>,
    action: String,
    resource_type: String,
    resource_id: String,
    resource_name: Option<String>,
    /// `{"field":{"old":…,"new":…}}`
    #[schema(value_type = Option<Object>)]
    changes: Option<serde_json::Value>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    status: String,
    error_message: Option<String>,
}

/// What happened in your organization, newest first. For admins; reading is itself recorded.
#[utoipa::path(get, path = "/api/audit/logs", tag = "audit", security(("bearer" = [])), params(AuditQuery), responses(
    (status = 200, description = "A page", body = AuditLogsBody),
    (status = "4XX", description = "unauthenticated, forbidden, invalid_input", body = ProblemBody),
))]
pub async fn logs(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Query(query): Query<AuditQuery>,
) -> Outcome<axum::Json<AuditLogsBody>> {
    let (filter, page) = (query.filter()?, query.page()?);
    let (limit, offset) = (page.limit, page.offset);
    let services = state.services.clone();
    let listing =
        run_to_end(async move { audit_queries::list(&services, &context, &principal, filter, page).await })
            .await?;
    Ok(axum::Json(AuditLogsBody {
        logs: listing.rows,
        total: listing.total,
        total_capped: listing.total_capped,
        limit,
        offset,
        next_cursor: listing.next.as_ref().map(write_audit_cursor),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_as_an_end_is_inclusive() {
        let at = |text| Timestamp::parse_rfc3339(text).map_err(|_| "bad");
        assert_eq!(read_date("2026-11-24", false), at("2026-11-24T00:00:00Z"));
        assert_eq!(read_date("2026-11-24", true), at("2026-11-25T00:00:00Z"));
        assert_eq!(read_date("2026-11-24T09:30:00+02:00", true), at("2026-11-24T07:30:00Z"));
        for bad in ["yesterday", "2026-11-24T09:30:00", "2026-W47-2", "2026-11-24 ", "2026-02-30"] {
            assert!(read_date(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bad_filter_is_named() {
        let query = AuditQuery {
            start_date: Some("2026-12-01".into()),
            end_date: Some("2026-11-01".into()),
            status: Some("ok".into()),
            ..Default::default()
        };
        let Err(Refusal::InvalidInput(errors)) = query.filter() else { panic!("must refuse") };
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["end_date", "status"]);
    }
}
