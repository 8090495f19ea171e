//! `signupflow passwords`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use backends::breached::{Built, ListKind, build};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow passwords build rockyou.txt     makes rockyou.filter, for BREACHED_PASSWORDS_FILE";

/// Bytes read at once: lists have tens of gigabytes.
const BUFFER: usize = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a compact filter of a list of breached passwords: one password a line, or one SHA-1 a line with
    /// or without :count, which is recognised by the first line.
    #[command(after_help = "EXAMPLES
  signupflow passwords build rockyou.txt
  signupflow passwords build pwned-passwords-sha1.txt --out /var/lib/signupflow/breached.filter
  BREACHED_PASSWORDS_FILE=/var/lib/signupflow/breached.filter signupflow serve

Takes about 2.3 bytes a password on disk and in the server's memory, and 40 while building.")]
    Build {
        /// The list.
        file: PathBuf,
        /// Where to write the filter [default: FILE with the ending .filter].
        #[arg(long, value_name = "PATH")]
        out: Option<PathBuf>,
        /// What stands on a line, when the first one does not tell.
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// A password.
    Plain,
    /// A SHA-1 in hexadecimal.
    Sha1,
}

impl From<Kind> for ListKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Plain => Self::Plain,
            Kind::Sha1 => Self::Sha1,
        }
    }
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Build { file, out, kind, format } => {
            let out = out.unwrap_or_else(|| file.with_extension("filter"));
            if out == file {
                return Err(Failure::Usage("the filter would replace the list: give --out".to_owned()));
            }
            let built = read(&file, kind.map(ListKind::from))?;
            built.filter.write(&out)?;
            told(&built, &out, format)
        }
    }
}

fn read(path: &Path, kind: Option<ListKind>) -> Result<Built, Failure> {
    let unreadable = |error| Failure::Usage(format!("{} cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let bar = console::progress(length, "{bar:40} {bytes}/{total_bytes} {eta} {msg}");
    let built = build(BufReader::with_capacity(BUFFER, file), kind, &mut |bytes| {
        bar.set_position(bytes);
        if bytes >= length {
            bar.set_message("building");
        }
    });
    bar.finish_and_clear();
    Ok(built?)
}

fn told(built: &Built, out: &Path, format: Format) -> Result<(), Failure> {
    let (passwords, bytes) = (built.filter.passwords(), built.filter.file_size());
    let kind = match built.kind {
        ListKind::Plain => "plain",
        ListKind::Sha1 => "sha1",
    };
    if format == Format::Json {
        return console::print_json(&json!({
            "file": out, "kind": kind, "lines": built.lines, "passwords": passwords, "bytes": bytes,
        }));
    }
    console::print(&format!(
        "{}: {passwords} different passwords of {} lines ({kind}), {bytes} bytes.\n\
         Use it with BREACHED_PASSWORDS_FILE={}\n",
        out.display(),
        built.lines,
        out.display()
    ))
}
