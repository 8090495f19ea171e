//! `signupflow audit list`.

use accounts::audit_queries::TOTAL_CAP;
use accounts::ports::{AuditPage, AuditRow};
use hardening::audit::{Action, Changes};
use serde_json::json;

use super::{Which, record};
use crate::cli::console::{self, Format};
use crate::cli::failure::Failure;
use crate::cli::settings::{Settings, close};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    which: Which,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<(), Failure> {
    let assembly = settings.assemble_without_redis().await?;
    let services = &assembly.services;
    let filter = args.which.filter(services).await?;
    record(services, Action::AuditRead, &filter, Changes::new()).await?;
    let page = AuditPage { limit: args.limit, after: None, offset: 0 };
    let rows = services.audit.page(&filter, &page).await?;
    let counted = services.audit.count_up_to(&filter, TOTAL_CAP + 1).await?;
    close(assembly).await?;
    let (total, capped) = (counted.min(TOTAL_CAP), counted > TOTAL_CAP);
    if args.format == Format::Json {
        return console::print_json(&json!({ "logs": rows, "total": total, "total_capped": capped }));
    }
    let headers = ["time", "organization", "action", "by", "about", "from", "status"];
    let shown = rows.len();
    console::print_table(&headers, rows.into_iter().map(cells).collect())?;
    let more = if capped { "more than " } else { "" };
    console::note(&format!("{shown} of {more}{total} events, newest first"));
    Ok(())
}

fn cells(row: AuditRow) -> Vec<String> {
    let about = row.resource_name.unwrap_or(row.resource_id);
    let by = if row.user_email.is_empty() { row.user_id } else { row.user_email };
    vec![
        row.timestamp.to_string(),
        row.org_id,
        row.action,
        by,
        format!("{} {about}", row.resource_type),
        row.ip_address.unwrap_or_default(),
        row.status,
    ]
}
