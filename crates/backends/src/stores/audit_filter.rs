//! The texts that read the trail.
//!
//! A filter may name anything, but only what an index serves decides which text is used: each of the five
//! starts from one index, narrows by time, and tests what else was asked for on the rows it meets. Every text
//! takes the same fifteen parameters in the same order, so that a filter is turned into parameters once.

use accounts::ports::{AuditFilter, AuditPage};
use hardening::clock::Timestamp;

use super::texts::texts;
use crate::sql::{Sql, Value, folded};

/// Sorts after every id.
const LAST_ID: &str = "~";
/// Rows of a stream: all there are.
const NO_LIMIT: i64 = i64::MAX;

macro_rules! condition {
    ($org:literal, $user:literal, $action:literal, $kind:literal, $resource:literal, $position:literal) => {
        concat!(
            $org,
            " AND timestamp >= $2 AND timestamp < $3 AND timestamp <= $12 AND (timestamp, id) < ($12, $13) AND ",
            $user,
            " AND ",
            $action,
            " AND ",
            $kind,
            " AND ",
            $resource,
            " AND ($8::text IS NULL OR status = $8) AND ($9::text IS NULL OR ip_address = $9) \
             AND ($10::text IS NULL OR substr(action, 1, length($10)) = $10) AND ($11::text IS NULL OR ",
            $position,
            "(signupflow_folded(user_email), $11) > 0 OR ",
            $position,
            "(signupflow_folded(resource_name), $11) > 0 OR ",
            $position,
            "(signupflow_folded(resource_id), $11) > 0 OR ",
            $position,
            "(signupflow_folded(error_message), $11) > 0)"
        )
    };
    (organization, $position:literal) => {
        condition!(
            "org_id = $1",
            "($4::text IS NULL OR user_id = $4)",
            "($5::text IS NULL OR action = $5)",
            "($6::text IS NULL OR resource_type = $6)",
            "($7::text IS NULL OR resource_id = $7)",
            $position
        )
    };
    (actor, $position:literal) => {
        condition!(
            "org_id = $1",
            "user_id = $4",
            "($5::text IS NULL OR action = $5)",
            "($6::text IS NULL OR resource_type = $6)",
            "($7::text IS NULL OR resource_id = $7)",
            $position
        )
    };
    (action, $position:literal) => {
        condition!(
            "org_id = $1",
            "($4::text IS NULL OR user_id = $4)",
            "action = $5",
            "($6::text IS NULL OR resource_type = $6)",
            "($7::text IS NULL OR resource_id = $7)",
            $position
        )
    };
    (resource, $position:literal) => {
        condition!(
            "($1::text IS NULL OR org_id = $1)",
            "($4::text IS NULL OR user_id = $4)",
            "($5::text IS NULL OR action = $5)",
            "resource_type = $6",
            "resource_id = $7",
            $position
        )
    };
    (anything, $position:literal) => {
        condition!(
            "($1::text IS NULL OR org_id = $1)",
            "($4::text IS NULL OR user_id = $4)",
            "($5::text IS NULL OR action = $5)",
            "($6::text IS NULL OR resource_type = $6)",
            "($7::text IS NULL OR resource_id = $7)",
            $position
        )
    };
}

macro_rules! columns {
    () => {
        "SELECT id, timestamp, org_id, user_id, user_email, user_roles, action, resource_type, resource_id, \
         resource_name, changes, ip_address, user_agent, request_id, status, error_message"
    };
}

/// SQLite keeps no statistics unless told to, and would take the first index that serves the order.
macro_rules! from {
    (organization) => {
        " FROM audit_logs INDEXED BY idx_audit_org_timestamp WHERE "
    };
    (actor) => {
        " FROM audit_logs INDEXED BY idx_audit_org_user WHERE "
    };
    (action) => {
        " FROM audit_logs INDEXED BY idx_audit_org_action WHERE "
    };
    (resource) => {
        " FROM audit_logs INDEXED BY idx_audit_resource WHERE "
    };
    (anything) => {
        " FROM audit_logs WHERE "
    };
}

macro_rules! both {
    ($start:expr, $index:ident, $end:literal) => {
        Sql::pair(
            concat!($start, from!($index), condition!($index, "instr"), $end),
            concat!($start, " FROM audit_logs WHERE ", condition!($index, "strpos"), $end),
        )
    };
}

macro_rules! page {
    ($index:ident) => {
        both!(columns!(), $index, " ORDER BY timestamp DESC, id DESC LIMIT $14 OFFSET $15")
    };
}

macro_rules! stream {
    ($index:ident) => {
        both!(columns!(), $index, " ORDER BY timestamp, id LIMIT $14 OFFSET $15")
    };
}

macro_rules! count {
    ($index:ident) => {
        both!("SELECT count(*) AS total FROM (SELECT 1", $index, " LIMIT $14 OFFSET $15) matching")
    };
}

texts! {
    query PAGE_OF_ORGANIZATION = page!(organization);
    query PAGE_OF_ACTOR = page!(actor);
    query PAGE_OF_ACTION = page!(action);
    query PAGE_OF_RESOURCE = page!(resource);
    query PAGE_OF_ANYTHING = page!(anything);
    query STREAM_OF_ORGANIZATION = stream!(organization);
    query STREAM_OF_ACTOR = stream!(actor);
    query STREAM_OF_ACTION = stream!(action);
    query STREAM_OF_RESOURCE = stream!(resource);
    query STREAM_OF_ANYTHING = stream!(anything);
    query COUNT_OF_ORGANIZATION = count!(organization);
    query COUNT_OF_ACTOR = count!(actor);
    query COUNT_OF_ACTION = count!(action);
    query COUNT_OF_RESOURCE = count!(resource);
    query COUNT_OF_ANYTHING = count!(anything);
}

/// The texts that start from one index.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    pub(super) page: Sql,
    pub(super) stream: Sql,
    pub(super) count: Sql,
}

/// The texts whose index leaves the fewest rows to look at.
pub(super) fn texts_for(filter: &AuditFilter) -> Texts {
    let texts = |page, stream, count| Texts { page, stream, count };
    let family = family_of(filter).is_some();
    if filter.resource_type.is_some() && filter.resource_id.is_some() {
        return texts(PAGE_OF_RESOURCE, STREAM_OF_RESOURCE, COUNT_OF_RESOURCE);
    }
    match (&filter.org_id, &filter.user_id, &filter.action) {
        (None, _, _) => texts(PAGE_OF_ANYTHING, STREAM_OF_ANYTHING, COUNT_OF_ANYTHING),
        (Some(_), Some(_), _) => texts(PAGE_OF_ACTOR, STREAM_OF_ACTOR, COUNT_OF_ACTOR),
        (Some(_), None, Some(_)) if !family => texts(PAGE_OF_ACTION, STREAM_OF_ACTION, COUNT_OF_ACTION),
        _ => texts(PAGE_OF_ORGANIZATION, STREAM_OF_ORGANIZATION, COUNT_OF_ORGANIZATION),
    }
}

/// `auth.` of `auth.*`.
fn family_of(filter: &AuditFilter) -> Option<&str> {
    filter.action.as_deref()?.strip_suffix('*')
}

/// The fifteen parameters.
pub(super) fn params(filter: &AuditFilter, page: Option<&AuditPage>, cap: Option<u32>) -> Vec<Value> {
    let family = family_of(filter);
    let exact = filter.action.as_deref().filter(|_| family.is_none());
    let after = page.and_then(|page| page.after.as_ref());
    let limit = page.map(|page| page.limit).or(cap).map_or(NO_LIMIT, i64::from);
    let text = |field: &Option<String>| Value::from(field.as_deref());
    vec![
        text(&filter.org_id),
        filter.start.unwrap_or(Timestamp::EPOCH).into(),
        filter.end.unwrap_or(Timestamp::MAX).into(),
        text(&filter.user_id),
        exact.into(),
        text(&filter.resource_type),
        text(&filter.resource_id),
        text(&filter.status),
        text(&filter.ip_address),
        family.into(),
        filter.q.as_deref().map(folded).into(),
        after.map_or(Timestamp::MAX, |cursor| cursor.timestamp).into(),
        after.map_or(LAST_ID, |cursor| cursor.id.as_str()).into(),
        limit.into(),
        page.map_or(0, |page| page.offset).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_prefix_and_an_action_is_itself() {
        let filter = |action: &str| AuditFilter { action: Some(action.into()), ..AuditFilter::default() };
        let family = params(&filter("auth.*"), None, None);
        assert_eq!((&family[4], &family[9]), (&Value::Null, &Value::from("auth.")));
        let exact = params(&filter("auth.login_failed"), None, None);
        assert_eq!((&exact[4], &exact[9]), (&Value::from("auth.login_failed"), &Value::Null));
    }
}
