//! `signupflow mail`: what waits to be delivered, and what was given up. Never what a mail says.

use accounts::Refusal;
use accounts::outbox::operate;
use accounts::ports::{MailStatus, OutboxRow};
use accounts::{Error, Services};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::operator::os_user;
use super::settings::{Settings, close};

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow mail list --status dead
  signupflow mail retry mail_0192…
  signupflow mail retry --all-dead";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows mails, newest first: kind and fate, never what they say.
    #[command(after_help = "EXAMPLES
  signupflow mail list                            the last 50
  signupflow mail list --status waiting           what has not been delivered yet, and why
  signupflow mail list --format json | jq '.mails[] | select(.attempts > 3)'")]
    List(List),
    /// Sends mails again that were given up; a running server does it within a second or two. Mails whose link has
    /// expired stay where they are.
    #[command(after_help = "EXAMPLES
  signupflow mail retry mail_0192…
  signupflow mail retry --all-dead")]
    Retry(Retry),
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only those that stand so.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct Retry {
    /// Which, by their ids.
    #[arg(value_name = "ID", required_unless_present = "all_dead")]
    ids: Vec<String>,
    /// Every mail that was given up and is worth sending still, up to a thousand.
    #[arg(long, conflicts_with = "ids")]
    all_dead: bool,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    /// Waiting for its next attempt.
    Waiting,
    /// Handed over.
    Delivered,
    /// Not worth sending any more.
    Expired,
    /// Given up.
    Dead,
}

impl From<Status> for MailStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Waiting => Self::Waiting,
            Status::Delivered => Self::Delivered,
            Status::Expired => Self::Expired,
            Status::Dead => Self::Dead,
        }
    }
}

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(settings, &args).await,
        Command::Retry(args) => retry(settings, args).await,
    }
}

async fn list(settings: &Settings, args: &List) -> Result<(), Failure> {
    let assembly = settings.assemble_without_redis().await?;
    let outbox = &assembly.services.outbox;
    let rows = match args.status {
        Some(status) => outbox.list_of(status.into(), args.limit).await?,
        None => outbox.list(args.limit).await?,
    };
    let backlog = outbox.backlog().await?;
    close(assembly).await?;
    if args.format == Format::Json {
        return console::print_json(
            &json!({ "mails": rows, "waiting": backlog.waiting, "dead": backlog.dead }),
        );
    }
    let headers = ["created", "id", "kind", "person", "status", "attempts", "next attempt", "last answer"];
    console::print_table(&headers, rows.into_iter().map(cells).collect())?;
    console::note(&format!("{} waiting, {} given up", backlog.waiting, backlog.dead));
    Ok(())
}

fn cells(row: OutboxRow) -> Vec<String> {
    let is_waiting = row.status == MailStatus::Waiting.as_str();
    vec![
        row.created_at.to_string(),
        row.id,
        row.kind,
        row.person_id.unwrap_or_default(),
        row.status,
        row.attempts.to_string(),
        if is_waiting { row.next_attempt_at.to_string() } else { String::new() },
        row.last_error.unwrap_or_default(),
    ]
}

async fn retry(settings: &Settings, args: Retry) -> Result<(), Failure> {
    let assembly = settings.assemble_without_redis().await?;
    let services = &assembly.services;
    let retried = if args.all_dead {
        operate::retry_all_dead(services, &os_user()).await?
    } else {
        retry_each(services, args.ids).await?
    };
    close(assembly).await?;
    match args.format {
        Format::Json => console::print_json(&json!({ "retried": retried })),
        Format::Table => console::print(&format!("{} will be sent again.\n", counted(retried.len()))),
    }
}

/// Stops at the first that is refused; those before are under way.
async fn retry_each(services: &Services, ids: Vec<String>) -> Result<Vec<String>, Failure> {
    for id in &ids {
        match operate::retry(services, &os_user(), id).await {
            Err(Error::Refused(Refusal::Conflict)) => {
                return Err(Failure::Refused(format!(
                    "{} is not a mail that was given up and is worth sending still",
                    console::harmless(id)
                )));
            }
            Err(Error::Refused(Refusal::NotFound(_))) => {
                return Err(Failure::Refused(format!("there is no mail {}", console::harmless(id))));
            }
            other => other?,
        }
    }
    Ok(ids)
}

fn counted(mails: usize) -> String {
    if mails == 1 { "1 mail".to_owned() } else { format!("{mails} mails") }
}
