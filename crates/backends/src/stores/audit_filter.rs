//! From a filter to a text and its parameters.

use accounts::ports::{AuditFilter, AuditPage};
use hardening::clock::Timestamp;

use super::audit_texts::Texts;
use crate::sql::{Sql, Value, folded};

/// Sorts before every id.
const FIRST_ID: &str = "";
/// Rows of a stream: all there are.
const NO_LIMIT: i64 = i64::MAX;

/// A text with its parameters.
type Query = (Sql, Vec<Value>);

/// A page, newest first.
pub(super) fn page(filter: &AuditFilter, page: &AuditPage) -> Query {
    let after = page.after.as_ref().map(|cursor| (cursor.timestamp, cursor.id.as_str()));
    let end = end_of(filter);
    let before = after.map_or(end, |after| after.min(end));
    (texts_for(filter).page, params(filter, before, i64::from(page.limit), i64::from(page.offset)))
}

/// Every row, oldest first.
pub(super) fn stream(filter: &AuditFilter) -> Query {
    (texts_for(filter).stream, params(filter, end_of(filter), NO_LIMIT, 0))
}

/// How many rows there are, up to `cap`.
pub(super) fn count(filter: &AuditFilter, cap: u32) -> Query {
    let texts = texts_for(filter);
    match texts.count_all.filter(|_| is_all_of_its_index(filter)) {
        None => (texts.count, params(filter, end_of(filter), i64::from(cap), 0)),
        Some(count_all) => {
            let mut params = vec![filter.org_id.as_deref().into(), start_of(filter), end_of(filter).0.into()];
            params.push(i64::from(cap).into());
            params.extend(filter.user_id.as_deref().or(filter.action.as_deref()).map(Value::from));
            (count_all, params)
        }
    }
}

/// The texts whose index leaves the fewest rows to look at.
fn texts_for(filter: &AuditFilter) -> Texts {
    if filter.resource_type.is_some() && filter.resource_id.is_some() {
        return Texts::RESOURCE;
    }
    match (&filter.org_id, &filter.user_id, &filter.action) {
        (None, _, _) => Texts::ANYTHING,
        (Some(_), Some(_), _) => Texts::ACTOR,
        (Some(_), None, Some(_)) if family_of(filter).is_none() => Texts::ACTION,
        _ => Texts::ORGANIZATION,
    }
}

/// Whether nothing was asked for but one actor or one action at most, and the time.
fn is_all_of_its_index(filter: &AuditFilter) -> bool {
    let AuditFilter { action, user_id, resource_type, resource_id, status, ip_address, q, .. } = filter;
    family_of(filter).is_none()
        && (action.is_none() || user_id.is_none())
        && [resource_type, resource_id, status, ip_address, q].into_iter().all(Option::is_none)
}

/// `auth.` of `auth.*`.
fn family_of(filter: &AuditFilter) -> Option<&str> {
    filter.action.as_deref()?.strip_suffix('*')
}

fn start_of(filter: &AuditFilter) -> Value {
    filter.start.unwrap_or(Timestamp::EPOCH).into()
}

/// The place before which all rows lie.
fn end_of(filter: &AuditFilter) -> (Timestamp, &str) {
    (filter.end.unwrap_or(Timestamp::MAX), FIRST_ID)
}

/// The fourteen parameters.
fn params(filter: &AuditFilter, before: (Timestamp, &str), limit: i64, offset: i64) -> Vec<Value> {
    let family = family_of(filter);
    let exact = filter.action.as_deref().filter(|_| family.is_none());
    let text = |field: &Option<String>| Value::from(field.as_deref());
    vec![
        text(&filter.org_id),
        start_of(filter),
        before.0.into(),
        before.1.into(),
        text(&filter.user_id),
        exact.into(),
        text(&filter.resource_type),
        text(&filter.resource_id),
        text(&filter.status),
        text(&filter.ip_address),
        family.into(),
        filter.q.as_deref().map(folded).into(),
        limit.into(),
        offset.into(),
    ]
}

#[cfg(test)]
mod tests {
    use accounts::ports::AuditCursor;

    use super::*;

    #[test]
    fn a_family_is_a_prefix_and_an_action_is_itself() {
        let filter = |action: &str| AuditFilter { action: Some(action.into()), ..AuditFilter::default() };
        let (_, family) = stream(&filter("auth.*"));
        assert_eq!((&family[5], &family[10]), (&Value::Null, &Value::from("auth.")));
        let (_, exact) = stream(&filter("auth.login_failed"));
        assert_eq!((&exact[5], &exact[10]), (&Value::from("auth.login_failed"), &Value::Null));
    }

    #[test]
    fn a_page_lies_before_its_cursor_and_before_the_end() {
        let second = Timestamp::from_unix_seconds;
        for (end, cursor, before) in [
            (None, None, (Timestamp::MAX, "")),
            (Some(9), None, (second(9), "")),
            (Some(9), Some(7), (second(7), "audit_1")),
            (Some(9), Some(9), (second(9), "")),
            (Some(9), Some(11), (second(9), "")),
            (None, Some(7), (second(7), "audit_1")),
        ] {
            let filter = AuditFilter { end: end.map(second), ..AuditFilter::default() };
            let after = cursor.map(|at| AuditCursor { timestamp: second(at), id: "audit_1".into() });
            let (_, params) = page(&filter, &AuditPage { limit: 10, after, offset: 0 });
            assert_eq!((&params[2], &params[3]), (&before.0.into(), &before.1.into()), "{end:?} {cursor:?}");
        }
    }
}
