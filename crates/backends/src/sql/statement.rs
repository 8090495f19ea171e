//! [`Sql`]: the text of a statement, once for both engines or once for each.

use super::adoption::Adaptation;
use super::database::Engine;

/// Text with `$1`, `$2`, …; one for both engines, or a pair where they differ.
///
/// Rules of the text: no trailing semicolon, no `SELECT *`, no `now()`, every `$n` used, `BIGINT` and
/// `NULLS FIRST/LAST` spelled out. `$1::text IS NULL` is fine: SQLite takes it for a name, and names are
/// bound by their number. A guarded text is one `INSERT`, `UPDATE` or `DELETE` without `RETURNING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// One text for both engines.
    pub const fn same(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    /// A text for each engine.
    pub const fn pair(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }

    /// The same, as an adopted database of that engine wants it.
    pub(super) fn adapted(self, engine: Engine, adaptation: &Adaptation) -> Self {
        match engine {
            Engine::Sqlite => Self::same(adaptation.text(self.sqlite)),
            Engine::Postgres => Self::same(adaptation.text(self.postgres)),
        }
    }

    /// SQLite's text.
    pub const fn for_sqlite(&self) -> &'static str {
        self.sqlite
    }

    /// PostgreSQL's text.
    pub const fn for_postgres(&self) -> &'static str {
        self.postgres
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::same(text)
    }
}
