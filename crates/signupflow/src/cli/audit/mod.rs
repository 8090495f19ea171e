//! `signupflow audit`: the trail of one organization or all, for operators. Reading and exporting are
//! themselves recorded, as `cli:<user>`.

mod export;
mod list;

use accounts::audit_trail::{Actor, Happening};
use accounts::operator;
use accounts::ports::AuditFilter;
use accounts::{Refusal, Services};
use clap::Subcommand;
use hardening::audit::{Action, Changes, Resource, SYSTEM_ORGANIZATION};
use hardening::clock::Timestamp;

use super::console::Format;
use super::failure::Failure;
use super::operator::os_user;
use super::settings::Settings;
use super::two_factor;
use crate::web::api::audit::read_date;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow audit list --action 'auth.*' --since 2026-11-01
  signupflow audit export --format csv --out november.csv --since 2026-11-01 --until 2026-11-30
  signupflow audit report two-factor";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows what happened, newest first.
    #[command(after_help = "EXAMPLES
  signupflow audit list                                       the last 50 events of all organizations
  signupflow audit list --action auth.login_failed --since 2026-11-24
  signupflow audit list --org org_0192… --user ada@example.org --format json")]
    List(list::Args),
    /// Writes every matching row, oldest first, in constant memory.
    #[command(after_help = "EXAMPLES
  signupflow audit export --format csv --out audit.csv
  signupflow audit export --format ndjson --org org_0192… | gzip > audit.ndjson.gz")]
    Export(export::Args),
    /// Reports for auditors.
    #[command(
        subcommand,
        after_help = "EXAMPLES
  signupflow audit report two-factor --format json"
    )]
    Report(Report),
}

#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// Who has a second factor, since when, and who should have one by their organization's policy.
    #[command(
        name = "two-factor",
        after_help = "EXAMPLES
  signupflow audit report two-factor
  signupflow audit report two-factor --org org_0192… --format json"
    )]
    TwoFactor {
        /// Only this organization's people.
        #[arg(long, value_name = "ID")]
        org: Option<String>,
        /// The form of the report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Which rows. Everything given narrows.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Only this organization's.
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    /// Only this action, such as auth.login, or a family such as 'auth.*'.
    #[arg(long)]
    action: Option<String>,
    /// Only what this person did: an id or an e-mail address.
    #[arg(long, value_name = "PERSON")]
    user: Option<String>,
    /// From this day or time on, such as 2026-11-24 or 2026-11-24T09:30:00Z.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Up to this time, or to the end of this day.
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<Timestamp>,
}

fn since(text: &str) -> Result<Timestamp, &'static str> {
    read_date(text, false)
}

fn until(text: &str) -> Result<Timestamp, &'static str> {
    read_date(text, true)
}

impl Which {
    async fn filter(&self, services: &Services) -> Result<AuditFilter, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until < since
        {
            return Err(Failure::Usage("--until is before --since".to_owned()));
        }
        if let Some(org_id) = self.org.as_deref().filter(|id| *id != SYSTEM_ORGANIZATION)
            && services.organizations.get(org_id).await?.is_none()
        {
            return Err(Refusal::NotFound("organization").into());
        }
        let user_id = match &self.user {
            Some(email) if email.contains('@') => Some(operator::find(services, Some(email)).await?.id),
            given => given.clone(),
        };
        Ok(AuditFilter {
            org_id: self.org.clone(),
            start: self.since,
            end: self.until,
            action: self.action.clone(),
            user_id,
            ..AuditFilter::default()
        })
    }
}

/// Writes down who looks, before anything is shown.
async fn record(
    services: &Services,
    action: Action,
    filter: &AuditFilter,
    what: Changes,
) -> Result<(), Failure> {
    let org_id = filter.org_id.as_deref().unwrap_or(SYSTEM_ORGANIZATION);
    let happening = Happening::done(action, Resource::new("audit_log", org_id));
    let happening = if what.is_empty() { happening } else { happening.changing(what) };
    let actor = Actor::operator(&os_user(), org_id);
    let trail = services.trail(&operator::context(services), &actor, happening);
    Ok(services.audit.append(trail).await?)
}

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(settings, args).await,
        Command::Export(args) => export::run(settings, args).await,
        Command::Report(Report::TwoFactor { org, format }) => {
            two_factor::report(settings, org.as_deref(), format).await
        }
    }
}
