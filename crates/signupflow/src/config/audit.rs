//! The audit log.

use super::reader::Reader;
use super::variable::Allowed::{Boolean, Whole};
use super::variable::Fallback::Value;
use super::variable::{Section, Variable};

const AUDIT_LOG_ENABLED: Variable = Variable {
    name: "AUDIT_LOG_ENABLED",
    section: Section::Audit,
    allowed: Boolean,
    default: Value("true"),
    example: "true",
    description: "Must be on in production, where no change goes unrecorded; off, a warning says so.",
    secret: false,
};
const AUDIT_LOG_RETENTION_DAYS: Variable = Variable {
    name: "AUDIT_LOG_RETENTION_DAYS",
    section: Section::Audit,
    allowed: Whole { min: 1, max: 36_500, unit: "days" },
    default: Value("90"),
    example: "365",
    description: "Rows older than this are archived to signed files and leave the table. Deletions and changes of \
                  roles, passwords and organizations stay 7 years.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[&AUDIT_LOG_ENABLED, &AUDIT_LOG_RETENTION_DAYS];

/// The audit log.
#[derive(Clone, Debug)]
pub struct Audit {
    /// `AUDIT_LOG_ENABLED`; always true in production.
    pub enabled: bool,
    /// `AUDIT_LOG_RETENTION_DAYS`, in days.
    pub retention_days: u32,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Audit {
    let enabled = reader.boolean(&AUDIT_LOG_ENABLED);
    if !enabled && reader.in_production() {
        reader.wrong(&AUDIT_LOG_ENABLED, Some("false"), "in production no change goes unrecorded");
    } else if !enabled {
        reader.warn("AUDIT_LOG_ENABLED is false: CHANGES LEAVE NO TRACE");
    }
    Audit { enabled, retention_days: reader.whole(&AUDIT_LOG_RETENTION_DAYS) }
}
