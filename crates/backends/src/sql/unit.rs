//! [`Unit`]: a few statements that are stored together or not at all, as plain data.

use hardening::audit::Trail;

use super::audit_insert;
use super::error::SqlError;
use super::statement::Sql;
use super::value::Value;

/// A change. It can only be made with its audit trail, or as upkeep with a stated reason.
#[derive(Clone, Debug)]
pub struct Unit {
    statements: Vec<Statement>,
    after_trail: Vec<Statement>,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    Audited(Trail),
    Housekeeping(&'static str),
}

/// One statement of a unit.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sql: Sql,
    pub(super) params: Vec<Value>,
    /// The tag of the guard, when exactly one row must be hit.
    pub(super) guard: Option<&'static str>,
}

impl Unit {
    /// A change together with its audit events; they are inserted after it, in the same transaction.
    pub const fn audited(trail: Trail) -> Self {
        Self { statements: Vec::new(), after_trail: Vec::new(), origin: Origin::Audited(trail) }
    }

    /// Upkeep nobody needs a trail for: expired rows, last activity, delivery state. `reason` goes to the log.
    pub const fn housekeeping(reason: &'static str) -> Self {
        Self { statements: Vec::new(), after_trail: Vec::new(), origin: Origin::Housekeeping(reason) }
    }

    /// Adds a statement that may hit any number of rows.
    pub fn run(&mut self, sql: impl Into<Sql>, params: Vec<Value>) -> &mut Self {
        self.statements.push(Statement { sql: sql.into(), params, guard: None });
        self
    }

    /// Adds a statement that must hit exactly one row; else the whole unit is undone and the outcome is
    /// [`SqlError::Conflict`] with `tag`.
    pub fn guarded(&mut self, sql: impl Into<Sql>, params: Vec<Value>, tag: &'static str) -> &mut Self {
        self.statements.push(Statement { sql: sql.into(), params, guard: Some(tag) });
        self
    }

    /// Adds a statement that needs the audit events to be there already; it may hit any number of rows.
    pub fn run_after_trail(&mut self, sql: impl Into<Sql>, params: Vec<Value>) -> &mut Self {
        self.after_trail.push(Statement { sql: sql.into(), params, guard: None });
        self
    }

    /// As [`Unit::guarded`], after the audit events: it does not shift the count of the statements before.
    pub fn guarded_after_trail(
        &mut self,
        sql: impl Into<Sql>,
        params: Vec<Value>,
        tag: &'static str,
    ) -> &mut Self {
        self.after_trail.push(Statement { sql: sql.into(), params, guard: Some(tag) });
        self
    }

    /// Everything to run in its order, every value checked.
    pub(super) fn into_statements(self) -> Result<Vec<Statement>, SqlError> {
        let mut statements = self.statements;
        match self.origin {
            Origin::Audited(trail) => statements.extend(trail.entries().iter().map(audit_insert::statement)),
            Origin::Housekeeping(reason) => tracing::debug!(reason, "upkeep without audit trail"),
        }
        statements.extend(self.after_trail);
        for statement in &statements {
            statement.params.iter().try_for_each(Value::check)?;
        }
        Ok(statements)
    }
}

/// Proof that a unit is stored durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub(super) rows: Vec<u64>,
}

impl Committed {
    /// Rows hit by the statement at `index`, counted from 0 in the order they were added; 0 beyond the end.
    pub fn rows(&self, index: usize) -> u64 {
        self.rows.get(index).copied().unwrap_or(0)
    }
}
