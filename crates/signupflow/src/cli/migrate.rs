//! `signupflow migrate`: the tables, made, removed and listed.

use backends::sql::Database;
use backends::sql::migrate::{self, Applied, Plan, Reverted, State, Status};
use clap::Subcommand;
use hardening::key_check::Verdict;
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::settings::Settings;
use crate::config::Config;
use crate::wiring::stored_factors::{self, StoredFactors};
use crate::wiring::{key_checks, open_database};

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow migrate status              what is there and what is pending
  signupflow migrate up                  make what is pending
  signupflow migrate down --steps 1      take the newest step back, with its data";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Applies every pending migration and names the tables it made. Tables of the Python original are adopted: what
    /// is missing is added, no row is changed, and each step is told.
    #[command(after_help = "EXAMPLES
  signupflow migrate up
  DATABASE_URL=postgresql://u@db/signupflow signupflow migrate up --format json")]
    Up {
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Lists the migrations, and what is or would be adopted; changes nothing. Fails when an applied one is not this program's.
    #[command(after_help = "EXAMPLES
  signupflow migrate status
  signupflow migrate status --format json | jq .pending")]
    Status {
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Undoes migrations, newest first. Their tables are dropped WITH ALL DATA in them; adopted tables stay, with
    /// their rows, and lose the columns that were added.
    #[command(after_help = "EXAMPLES
  signupflow migrate down                     the newest one, after a question
  signupflow migrate down --all --yes         everything, without asking (for scripts)")]
    Down {
        /// How many.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
        /// All of them: nothing of this program is left in the database.
        #[arg(long, conflicts_with = "steps")]
        all: bool,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    let config = settings.config()?;
    let database = open_database(&config).await?;
    match command {
        Command::Up { format } => {
            let applied = migrate::up(&database).await?;
            warn_of_foreign_factors(&config, &database).await?;
            database.close().await;
            told_up(&applied, format)
        }
        Command::Status { format } => {
            let all = migrate::status(&database).await?;
            let plan = migrate::adoption(&database).await?;
            database.close().await;
            told_status(&all, &plan, format)
        }
        Command::Down { steps, all, yes, format } => {
            let steps = if all { None } else { Some(usize::try_from(steps).unwrap_or(usize::MAX)) };
            let doomed = doomed(&migrate::status(&database).await?, steps);
            if doomed.is_empty() && steps.is_some() {
                database.close().await;
                return told_down(&[], format);
            }
            confirm(&doomed, yes)?;
            let reverted = migrate::down(&database, steps).await?;
            database.close().await;
            told_down(&reverted, format)
        }
    }
}

/// An adopted database may bring second factors under another key: better told now than by the first start.
async fn warn_of_foreign_factors(config: &Config, database: &Database) -> Result<(), Failure> {
    for key in key_checks::configured(&config.secrets).iter().filter(|key| key.name == stored_factors::KEY) {
        if key.examine(database).await?.0 == Verdict::First
            && let Some(complaint) = StoredFactors::tried(&config.secrets, database).await?.complaint()
        {
            console::note(&format!("WARNING: {complaint}"));
        }
    }
    Ok(())
}

/// What would be undone, newest first.
fn doomed(all: &[Status], steps: Option<usize>) -> Vec<String> {
    let applied = all.iter().rev().filter(|status| status.state != State::Pending);
    let names = applied.map(|status| format!("{} {}", status.version, status.name));
    names.take(steps.unwrap_or(usize::MAX)).collect()
}

fn confirm(doomed: &[String], yes: bool) -> Result<(), Failure> {
    if yes || doomed.is_empty() {
        return Ok(());
    }
    let question = format!("This undoes {} and drops the tables with all data. Type yes:", doomed.join(", "));
    match console::ask(&question)?.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::Refused("nothing was changed: the answer was not yes".to_owned())),
        None => Err(Failure::Usage(
            "`migrate down` drops tables with their data: run it on a terminal, or add --yes".to_owned(),
        )),
    }
}

fn told_up(applied: &[Applied], format: Format) -> Result<(), Failure> {
    let steps: Vec<_> =
        applied.iter().map(|step| (step.version, &*step.name, &*step.tables, &*step.adoption)).collect();
    told("applied", "Everything is up to date.", "created", &steps, format)
}

fn told_down(reverted: &[Reverted], format: Format) -> Result<(), Failure> {
    let steps: Vec<_> =
        reverted.iter().map(|step| (step.version, &*step.name, &*step.tables, &[] as &[String])).collect();
    told("reverted", "There is nothing to undo.", "dropped", &steps, format)
}

fn told(
    key: &str,
    nothing: &str,
    verb: &str,
    steps: &[(i64, &str, &[String], &[String])],
    format: Format,
) -> Result<(), Failure> {
    if format == Format::Json {
        let steps: Vec<_> = steps
            .iter()
            .map(|(version, name, tables, adoption)| {
                json!({ "version": version, "name": name, "tables": tables, "adoption": adoption })
            })
            .collect();
        return console::print_json(&json!({ key: steps }));
    }
    if steps.is_empty() {
        return console::print(&format!("{nothing}\n"));
    }
    let rows = steps.iter().flat_map(|(version, name, tables, adoption)| {
        let made = tables.iter().map(move |table| format!("{verb} {table}"));
        let mut what: Vec<String> = made.chain(adoption.iter().cloned()).collect();
        if what.is_empty() {
            what.push(format!("{verb} no table"));
        }
        what.into_iter().map(|what| vec![version.to_string(), (*name).to_owned(), what])
    });
    console::print_table(&["version", "migration", "what"], rows.collect())
}

fn told_status(all: &[Status], plan: &Plan, format: Format) -> Result<(), Failure> {
    let pending = all.iter().filter(|status| status.state == State::Pending).count();
    let foreign = all.iter().find(|status| matches!(status.state, State::Changed(_) | State::Unknown(_)));
    if format == Format::Json {
        let migrations: Vec<_> = all
            .iter()
            .map(|status| {
                let (state, at) = words(status.state);
                json!({ "version": status.version, "name": status.name, "state": state, "applied_at": at })
            })
            .collect();
        let adoption = json!({ "steps": plan.steps, "problems": plan.problems });
        console::print_json(&json!({ "migrations": migrations, "pending": pending, "adoption": adoption }))?;
    } else {
        let rows = all.iter().map(|status| {
            let (state, at) = words(status.state);
            vec![status.version.to_string(), status.name.clone(), state.to_owned(), at.unwrap_or_default()]
        });
        console::print_table(&["version", "migration", "state", "applied at"], rows.collect())?;
        tell_adoption(plan, pending > 0)?;
    }
    match foreign {
        None => Ok(()),
        Some(status) => Err(Failure::Refused(format!(
            "migration {} {} is not the one this program knows: use the version that applied it",
            status.version, status.name
        ))),
    }
}

fn tell_adoption(plan: &Plan, pending: bool) -> Result<(), Failure> {
    if plan.steps.is_empty() && plan.problems.is_empty() {
        return Ok(());
    }
    let title = match (plan.problems.is_empty(), pending) {
        (false, _) => "This database cannot be adopted as it is. Put right first:",
        (true, true) => "This database was made by another program. `migrate up` would do this in it:",
        (true, false) => "This database was made by another program. What was done in it:",
    };
    let lines = if plan.problems.is_empty() { &plan.steps } else { &plan.problems };
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    console::print(&format!("\n{title}\n{lines}"))
}

fn words(state: State) -> (&'static str, Option<String>) {
    match state {
        State::Pending => ("pending", None),
        State::Applied(at) => ("applied", Some(at.to_string())),
        State::Changed(at) => ("changed", Some(at.to_string())),
        State::Unknown(at) => ("unknown", Some(at.to_string())),
    }
}
