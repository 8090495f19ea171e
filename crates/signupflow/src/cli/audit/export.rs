//! `signupflow audit export`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;

use accounts::Services;
use accounts::audit_queries::exported_what;
use accounts::ports::{AuditFilter, AuditRows};
use clap::ValueEnum;
use futures_util::StreamExt as _;
use hardening::audit::Action;

use super::{Which, record};
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::settings::{Settings, close};
use crate::web::api::audit_export::{ExportFormat, written};

/// Up to how many rows are counted for the progress bar.
const COUNTED: u32 = 10_000_000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    which: Which,
    /// csv: for spreadsheets, cells that would run as formulas neutralised; json: one array; ndjson: one row
    /// a line.
    #[arg(long, value_enum)]
    format: Form,
    /// Writes a file that only you can read, instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replaces the file when it exists.
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Csv,
    Json,
    Ndjson,
}

impl From<Form> for ExportFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Csv => Self::Csv,
            Form::Json => Self::Json,
            Form::Ndjson => Self::Ndjson,
        }
    }
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<(), Failure> {
    if let Some(out) = args.out.as_deref().filter(|out| out.exists() && !args.force) {
        return Err(Failure::Refused(format!("{} exists; add --force to replace it", out.display())));
    }
    let assembly = settings.assemble_without_redis().await?;
    let filter = args.which.filter(&assembly.services).await?;
    let format = ExportFormat::from(args.format);
    let what = exported_what(format.extension(), &filter);
    record(&assembly.services, Action::AuditExported, &filter, what).await?;
    let rows = with_progress(&assembly.services, &filter).await?;
    let exported = match &args.out {
        Some(out) => to_file(out, rows, format).await,
        None => write_all(&mut BufWriter::new(io::stdout()), rows, format).await,
    };
    close(assembly).await?;
    exported
}

async fn with_progress(services: &Services, filter: &AuditFilter) -> Result<AuditRows, Failure> {
    let rows = services.audit.stream(filter);
    if !io::stderr().is_terminal() {
        return Ok(rows);
    }
    let total = services.audit.count_up_to(filter, COUNTED).await?;
    let bar = console::progress(u64::from(total), "{bar:40} {pos}/{len} rows {eta}");
    Ok(Box::pin(rows.inspect(move |_| bar.inc(1))))
}

/// Writes aside and renames, so that an interrupted export is never taken for a whole one.
async fn to_file(out: &Path, rows: AuditRows, format: ExportFormat) -> Result<(), Failure> {
    let mut aside = out.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let written = match private_file(&aside) {
        Ok(file) => {
            let mut writer = BufWriter::new(file);
            match write_all(&mut writer, rows, format).await {
                Ok(()) => writer
                    .get_ref()
                    .sync_all()
                    .and_then(|()| fs::rename(&aside, out))
                    .map_err(|e| named(out, &e)),
                Err(failure) => Err(failure),
            }
        }
        Err(error) => Err(named(out, &error)),
    };
    if written.is_err() {
        // It may not be there; what is left is of no use.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn named(path: &Path, error: &io::Error) -> Failure {
    Failure::Refused(format!("{} cannot be written: {error}", path.display()))
}

async fn write_all(out: &mut impl Write, rows: AuditRows, format: ExportFormat) -> Result<(), Failure> {
    let mut chunks = pin!(written(rows, format));
    while let Some(chunk) = chunks.next().await {
        out.write_all(&chunk?).map_err(|error| Failure::of_output(&error))?;
    }
    out.flush().map_err(|error| Failure::of_output(&error))
}
