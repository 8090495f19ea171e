//! `signupflow keys`.

use accounts::two_factor::rotate;
use clap::{Subcommand, ValueEnum};
use hardening::clock::{Clock as _, SystemClock};
use hardening::entropy::OsEntropy;
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::operator::os_user;
use super::settings::{Settings, close};
use crate::config::generated::env_lines;
use crate::wiring::{key_checks, open_database};

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow keys generate >> signupflow.env     fresh keys into a settings file
  signupflow keys accept SECRET_KEY              go on with a new key when the old one is lost
  signupflow keys rotate                         second factors under the newest key";

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
    /// Puts the secrets of second factors under the first of the keys that are set, while the server runs. Can be
    /// broken off and run again. Afterwards the older keys can be removed.
    #[command(after_help = "EXAMPLES
  TOTP_ENCRYPTION_KEY=NEW,OLD signupflow keys rotate
  signupflow keys rotate --format json

The order: put the new key first on every node and restart them one by one; run this; remove the old key.
SECRET_KEY needs no such run: set the old one as SECRET_KEY_PREVIOUS. Recovery codes are hashed under it: keep it
until people have made new ones, or those made before stop working.")]
    Rotate {
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
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
        Command::Rotate { format } => rotate(settings, format).await,
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

async fn rotate(settings: &Settings, format: Format) -> Result<(), Failure> {
    let assembly = settings.assemble().await?;
    let services = &assembly.services;
    let bar = console::progress(rotate::total(services).await?, "{bar:40} {pos}/{len} {eta}");
    let rotated = rotate::rotate(services, &os_user(), &|seen| bar.set_position(seen)).await?;
    bar.finish_and_clear();
    close(assembly).await?;
    let rotate::Rotated { renewed, current, unreadable } = rotated;
    match format {
        Format::Json => {
            console::print_json(
                &json!({ "renewed": renewed, "current": current, "unreadable": unreadable }),
            )?;
        }
        Format::Table => console::print(&format!(
            "{renewed} second factors were put under the newest key, {current} were under it already.\n"
        ))?,
    }
    if unreadable == 0 {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{unreadable} second factors are under a key that is not in TOTP_ENCRYPTION_KEY: add it and run this again"
    )))
}
