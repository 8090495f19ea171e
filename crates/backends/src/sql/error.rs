//! [`SqlError`]: what a caller can tell apart, whatever the engine.

/// Why a unit or a query did not succeed. Messages never hold parameter values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The guard with this tag did not hit exactly one row; nothing of the unit was stored.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// A unique index refused; holds the constraint (PostgreSQL) or `table.column` list (SQLite).
    #[error("not unique: {0}")]
    Unique(String),
    /// A reference points at nothing, or something still points here.
    #[error("foreign key violated")]
    ForeignKey,
    /// A programming error or a check that the database makes; nothing was stored.
    #[error("bad statement: {0}")]
    Bad(String),
    /// The database is away, busy, full or read-only; nothing was stored. Try again later.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: stored or not, nobody can say.
    #[error("outcome unknown: {0}")]
    Uncertain(String),
}

impl SqlError {
    /// Whether a unique index that names `word` (a column, or part of the index name) refused.
    pub fn is_unique_on(&self, word: &str) -> bool {
        matches!(self, Self::Unique(what) if what.contains(word))
    }
}
