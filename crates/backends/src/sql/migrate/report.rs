//! What is told about migrations.

use hardening::clock::Timestamp;

/// A migration that has just been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The tables it made.
    pub tables: Vec<String>,
    /// What it did about tables that somebody else had made, each in a sentence.
    pub adoption: Vec<String>,
}

/// A migration that has just been undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The tables it removed.
    pub tables: Vec<String>,
}

/// Where one migration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Applied or not, and whether that can be trusted.
    pub state: State,
}

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not applied yet.
    Pending,
    /// Applied then.
    Applied(Timestamp),
    /// Applied then, but its files have changed since: `up` and `down` refuse.
    Changed(Timestamp),
    /// Applied then by a newer version of this program: `up` and `down` refuse.
    Unknown(Timestamp),
}
