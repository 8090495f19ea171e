//! The one place that writes `audit_logs`: how a sealed event becomes a row.

use hardening::audit::SealedEvent;

use super::statement::Sql;
use super::unit::Statement;
use super::value::Value;

const INSERT: Sql = Sql::same(
    "INSERT INTO audit_logs (id, timestamp, org_id, user_id, user_email, user_roles, action, \
     resource_type, resource_id, resource_name, changes, ip_address, user_agent, request_id, status, \
     error_message, canonical, leaf_hash, commitment_salt) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
);

/// The statement that appends `sealed` to the trail.
pub(super) fn statement(sealed: &SealedEvent) -> Statement {
    let event = &sealed.event;
    let params = vec![
        event.id.as_str().into(),
        event.timestamp.into(),
        event.org_id.as_str().into(),
        event.user_id.as_str().into(),
        event.user_email.as_str().into(),
        Value::json(&event.user_roles),
        event.action.as_str().into(),
        event.resource.kind.into(),
        event.resource.id.as_str().into(),
        event.resource.name.as_deref().into(),
        sealed.changes.clone().map_or(Value::Null, Value::Json),
        event.ip_address.as_deref().into(),
        event.user_agent.as_deref().into(),
        event.request_id.as_deref().into(),
        event.status.as_str().into(),
        event.error_message.as_deref().into(),
        sealed.canonical.clone().into(),
        sealed.leaf_hash.into(),
        sealed.salt.into(),
    ];
    Statement { sql: INSERT, params, guard: None }
}
