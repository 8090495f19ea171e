//! `signupflow completions`.

use clap_complete::Shell;

use super::console;
use super::failure::Failure;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow completions bash > /etc/bash_completion.d/signupflow
  signupflow completions zsh > ~/.zfunc/_signupflow
  signupflow completions fish > ~/.config/fish/completions/signupflow.fish";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell.
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "signupflow", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
