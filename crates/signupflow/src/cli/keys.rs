//! `signupflow keys`.

use clap::Subcommand;
use hardening::entropy::OsEntropy;

use super::console;
use super::failure::Failure;
use crate::config::generated::env_lines;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow keys generate >> signupflow.env     fresh keys into a settings file";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints fresh keys as lines for an environment file. Keep a copy: data cannot be read without them.
    #[command(after_help = "EXAMPLES
  signupflow keys generate                       to look at
  (umask 077; signupflow keys generate >> signupflow.env)   into a file nobody else can read")]
    Generate,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Generate => console::print(&env_lines(&OsEntropy)),
    }
}
