//! `signupflow keys`.

use accounts::two_factor::rotate;
use clap::Subcommand;
use hardening::entropy::OsEntropy;
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::operator::os_user;
use super::settings::{Settings, close};
use crate::config::generated::env_lines;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow keys generate >> signupflow.env     fresh keys into a settings file
  signupflow keys rotate                         second factors under the newest key";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints fresh keys as lines for an environment file. Keep a copy: data cannot be read without them.
    #[command(after_help = "EXAMPLES
  signupflow keys generate                       to look at
  (umask 077; signupflow keys generate >> signupflow.env)   into a file nobody else can read")]
    Generate,
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

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    match command {
        Command::Generate => console::print(&env_lines(&OsEntropy)),
        Command::Rotate { format } => rotate(settings, format).await,
    }
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
