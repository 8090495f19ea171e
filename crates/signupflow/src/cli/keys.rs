//! `signupflow keys`.

use clap::{Subcommand, ValueEnum};
use hardening::clock::{Clock as _, SystemClock};
use hardening::entropy::OsEntropy;

use super::console;
use super::failure::Failure;
use super::settings::Settings;
use crate::config::generated::env_lines;
use crate::wiring::{key_checks, open_database};

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow keys generate >> signupflow.env     fresh keys into a settings file
  signupflow keys accept SECRET_KEY              go on with a new key when the old one is lost";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints fresh keys as lines for an environment file. Keep a copy: data cannot be read without them.
    #[command(after_help = "EXAMPLES
  signupflow keys generate                       to look at
  (umask 077; signupflow keys generate >> signupflow.env)   into a file nobody else can read")]
    Generate,
    /// Accepts the configured key for this database although it is not the one that was used: what the lost one
    /// protects stays unreadable.
    #[command(after_help = "EXAMPLES
  signupflow keys accept SECRET_KEY              everybody signs in again, waiting mails are lost
  signupflow keys accept TOTP_ENCRYPTION_KEY     everybody enrols the second factor again")]
    Accept {
        /// Which one.
        key: Name,
    },
}

/// A key that is recognised, by its variable.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Name {
    #[value(name = "SECRET_KEY")]
    Secret,
    #[value(name = "TOTP_ENCRYPTION_KEY")]
    TotpEncryption,
    #[value(name = "AUDIT_SIGNING_KEY")]
    AuditSigning,
}

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    match command {
        Command::Generate => console::print(&env_lines(&OsEntropy)),
        Command::Accept { key } => accept(settings, key).await,
    }
}

async fn accept(settings: &Settings, key: Name) -> Result<(), Failure> {
    let name = match key {
        Name::Secret => "SECRET_KEY",
        Name::TotpEncryption => "TOTP_ENCRYPTION_KEY",
        Name::AuditSigning => "AUDIT_SIGNING_KEY",
    };
    let config = settings.config()?;
    let database = open_database(&config).await?;
    for key in key_checks::configured(&config.secrets).iter().filter(|key| key.name == name) {
        key.accept(&database, SystemClock.now()).await?;
    }
    database.close().await;
    console::print(&format!("{name} is the key of this database from now on.\n"))
}
