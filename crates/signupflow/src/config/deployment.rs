//! How and where the program runs.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use super::variable::Allowed::{Boolean, OneOf, Text, Whole};
use super::variable::Fallback::{Derived, Value};
use super::variable::{Section, Variable};

pub(super) const ENVIRONMENT: Variable = Variable {
    name: "ENVIRONMENT",
    section: Section::Deployment,
    allowed: OneOf(&["development", "production"]),
    default: Value("development"),
    example: "production",
    description: "`production` turns every convenience off and refuses unsafe settings; see above.",
    secret: false,
};
const DATA_DIR: Variable = Variable {
    name: "DATA_DIR",
    section: Section::Deployment,
    allowed: Text("the path of a directory"),
    default: Value("./data"),
    example: "/var/lib/signupflow",
    description: "Holds the embedded database, generated secrets, the anchor of the audit log and, without \
                  `SMTP_URL`, the outbox. Created when missing.",
    secret: false,
};
pub(super) const SINGLE_NODE: Variable = Variable {
    name: "SINGLE_NODE",
    section: Section::Deployment,
    allowed: Boolean,
    default: Value("false"),
    example: "true",
    description: "Declares that there is no second node, so that sessions and counters may be kept in process \
                  in production.",
    secret: false,
};
pub(super) const ALLOW_EMBEDDED_IN_PRODUCTION: Variable = Variable {
    name: "ALLOW_EMBEDDED_IN_PRODUCTION",
    section: Section::Deployment,
    allowed: Boolean,
    default: Value("false"),
    example: "true",
    description: "Lets production run on the embedded SQLite database: one node, backups are yours.",
    secret: false,
};
const MIGRATE_ON_START: Variable = Variable {
    name: "MIGRATE_ON_START",
    section: Section::Deployment,
    allowed: Boolean,
    default: Value("false"),
    example: "true",
    description: "`serve` applies pending migrations to PostgreSQL, under a lock, instead of refusing to start. \
                  SQLite is always migrated.",
    secret: false,
};
const SHUTDOWN_GRACE_SECONDS: Variable = Variable {
    name: "SHUTDOWN_GRACE_SECONDS",
    section: Section::Deployment,
    allowed: Whole { min: 0, max: 10, unit: "seconds" },
    default: Derived("5 in production, else 0"),
    example: "10",
    description: "How long a server that was asked to stop still takes connections while `/ready` answers 503: \
                  longer than load balancers take to notice. What then is not answered 25 seconds after the \
                  signal is cut.",
    secret: false,
};
pub(super) const ENV_FILE: Variable = Variable {
    name: "ENV_FILE",
    section: Section::Deployment,
    allowed: Text("the path of a readable file of KEY=value lines; only from the real environment"),
    default: Derived("`./.env`, if there is one"),
    example: "/etc/signupflow/env",
    description: "The file that is read below the real environment. A file named here must exist.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[
    &ENVIRONMENT,
    &DATA_DIR,
    &SINGLE_NODE,
    &ALLOW_EMBEDDED_IN_PRODUCTION,
    &MIGRATE_ON_START,
    &SHUTDOWN_GRACE_SECONDS,
    &ENV_FILE,
];

/// A production's time to be noticed as leaving: two looks of a balancer that looks every two seconds.
const PRODUCTION_GRACE: u32 = 5;

/// What the program is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On the machine of a developer: conveniences on.
    Development,
    /// For real: conveniences off, unsafe settings refused.
    Production,
}

/// How and where the program runs.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `ENVIRONMENT`.
    pub environment: Environment,
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `SINGLE_NODE`.
    pub single_node: bool,
    /// `ALLOW_EMBEDDED_IN_PRODUCTION`.
    pub allow_embedded_in_production: bool,
    /// `MIGRATE_ON_START`.
    pub migrate_on_start: bool,
    /// `SHUTDOWN_GRACE_SECONDS`.
    pub shutdown_grace: Duration,
}

impl Deployment {
    /// Whether conveniences are off.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Deployment {
    let environment = match reader.word(&ENVIRONMENT) {
        Some("production") => Environment::Production,
        _ => Environment::Development,
    };
    reader.environment = environment;
    let grace = if environment == Environment::Production { PRODUCTION_GRACE } else { 0 };
    Deployment {
        environment,
        data_dir: reader.text(&DATA_DIR).map_or_else(|| PathBuf::from("./data"), PathBuf::from),
        single_node: reader.boolean(&SINGLE_NODE),
        allow_embedded_in_production: reader.boolean(&ALLOW_EMBEDDED_IN_PRODUCTION),
        migrate_on_start: reader.boolean(&MIGRATE_ON_START),
        shutdown_grace: reader.seconds_or(&SHUTDOWN_GRACE_SECONDS, grace),
    }
}
