//! `signupflow doctor`: is the configuration right, is everything it names there, and what to do if not.
//!
//! Changes nothing: no keys, folders or database are made, and the write tests leave nothing behind. The exit code is
//! that of `serve`: 2 for a wrong configuration, 3 where the database or Redis is away; 1 for anything else that fails.

mod certificates;
mod database;
mod files;
mod machine;
mod mail;
mod source;

use serde::Serialize;
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::settings::Settings;
use crate::config::{Config, ConfigErrors, Loaded};
use crate::wiring::StartError;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow doctor
  signupflow --env-file /etc/signupflow/env doctor
  signupflow doctor --send-test-mail ada@example.org
  signupflow doctor --format json | jq '.checks[] | select(.outcome == \"fail\")'";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also sends a mail to this address, and says what the mail server answered.
    #[arg(long, value_name = "ADDRESS")]
    send_test_mail: Option<String>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pass,
    Fail,
    /// It does not apply; the detail says why.
    Skip,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
struct Check {
    id: &'static str,
    title: String,
    outcome: Outcome,
    detail: String,
    fix: Option<String>,
    #[serde(skip)]
    fault: Fault,
}

/// Whose fault a failed check is: what the exit code tells. The greater of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Exit code 1.
    Other,
    /// A backend is away: exit code 3.
    Backend,
    /// The configuration is wrong: exit code 2.
    Configuration,
}

impl Fault {
    fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Configuration => 2,
            Self::Backend => 3,
        }
    }
}

impl From<&StartError> for Fault {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::Configuration(_) => Self::Configuration,
            StartError::Backend(_) => Self::Backend,
        }
    }
}

impl Check {
    fn pass(id: &'static str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(id, title, Outcome::Pass, detail.into())
    }

    fn skip(id: &'static str, title: &str, why: impl Into<String>) -> Self {
        Self::new(id, title, Outcome::Skip, why.into())
    }

    fn fail(id: &'static str, title: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(id, title, Outcome::Fail, detail.into()) }
    }

    fn new(id: &'static str, title: &str, outcome: Outcome, detail: String) -> Self {
        Self { id, title: title.to_owned(), outcome, detail, fix: None, fault: Fault::Other }
    }

    fn because_of(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<(), Failure> {
    let loaded = settings.source().and_then(|source| Config::load(&source::without_side_effects(&source)));
    let checks = match loaded {
        Ok(Loaded { config, warnings }) => {
            let mut checks = vec![configuration(&warnings)];
            checks.extend(examine(&config, args.send_test_mail.as_deref()).await);
            checks
        }
        Err(errors) => wrong_settings(errors),
    };
    told(&checks, args.format)?;
    let faults = checks.iter().filter(|check| check.outcome == Outcome::Fail).map(|check| check.fault);
    faults.max().map_or(Ok(()), |fault| Err(Failure::Told(fault.exit_code())))
}

async fn examine(config: &Config, test_recipient: Option<&str>) -> Vec<Check> {
    let mut checks = files::examine(config);
    checks.extend(database::examine(config).await);
    checks.extend(machine::examine(config).await);
    checks.extend(mail::examine(config, test_recipient).await);
    checks.push(certificates::examine(config).await);
    checks
}

fn configuration(warnings: &[String]) -> Check {
    let detail = if warnings.is_empty() { "no complaint".to_owned() } else { warnings.join("; ") };
    Check::pass("configuration", "Configuration", detail)
}

fn wrong_settings(errors: ConfigErrors) -> Vec<Check> {
    let wrong = |error: crate::config::ConfigError| {
        let detail = format!("it {}: {}", error.held, error.reason);
        let fix = format!("allowed: {}; for example {}", error.allowed, error.example);
        Check::fail("configuration", &error.subject, detail, fix).because_of(Fault::Configuration)
    };
    let ConfigErrors { errors, warnings } = errors;
    let mut checks: Vec<_> = errors.into_iter().map(wrong).collect();
    if !warnings.is_empty() {
        checks.push(Check::skip("warnings", "Warnings", warnings.join("; ")));
    }
    checks.push(Check::skip("rest", "Everything else", "looked at once the configuration is right"));
    checks
}

fn told(checks: &[Check], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return console::print_json(&json!({ "checks": checks }));
    }
    let rows = checks.iter().map(|check| {
        let mark = match check.outcome {
            Outcome::Pass => "✓",
            Outcome::Fail => "✗",
            Outcome::Skip => "–",
        };
        let fix = check.fix.clone().unwrap_or_default();
        vec![mark.to_owned(), check.title.clone(), check.detail.clone(), fix]
    });
    console::print_table(&["", "check", "found", "what to do"], rows.collect())
}
