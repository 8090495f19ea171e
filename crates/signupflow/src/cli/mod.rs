//! The command line: one file per command, each with an example under `--help`.
//!
//! * Exit codes: 0 done, 1 a check failed or something was refused, 2 wrong usage or configuration, 3 a
//!   backend is away. Errors are one clear sentence on standard error.
//! * What is to be read goes to standard output: as a table with lines and colours on a terminal (`NO_COLOR`
//!   takes the colours), as plain columns elsewhere, as JSON with `--format json`.
//! * Passwords are read from a hidden prompt or standard input, never from arguments or the environment.
//! * Whatever changes or shows accounts is recorded in the audit log as `cli:<user of the system>`.

mod admin;
mod audit;
mod audit_events;
mod completions;
mod console;
mod demo;
mod doctor;
mod failure;
mod keys;
mod mail;
mod migrate;
mod openapi;
mod operator;
mod passwords;
mod serve;
mod settings;
mod two_factor;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;
use settings::Settings;

/// Accounts, sessions and the audit log of a volunteer scheduling service.
#[derive(Debug, Parser)]
#[command(
    name = "signupflow",
    version,
    arg_required_else_help = true,
    after_help = "EXAMPLES\n  signupflow demo                     try it out, nothing to set up\n  signupflow serve                    start the server\n  signupflow --env-file prod.env doctor   check a configuration and what it names\n\nEXIT CODES\n  0 done · 1 a check failed or something was refused · 2 wrong usage or configuration · 3 a backend is away"
)]
pub struct Cli {
    /// Reads settings from this file instead of ./.env; real environment variables still win.
    #[arg(long, global = true, value_name = "PATH")]
    env_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the server.
    #[command(after_help = serve::EXAMPLES)]
    Serve,
    /// Serves a throwaway copy with an organization, people, teams and events in it, and prints the logins.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// Makes, removes or lists the tables in the database.
    #[command(subcommand, after_help = migrate::EXAMPLES)]
    Migrate(migrate::Command),
    /// Makes keys, and puts what is stored under new ones.
    #[command(subcommand, after_help = keys::EXAMPLES)]
    Keys(keys::Command),
    /// Checks the configuration and everything it names, and says how to mend what is wrong.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Args),
    /// Helps admins who cannot help themselves.
    #[command(subcommand, after_help = admin::EXAMPLES)]
    Admin(admin::Command),
    /// Reads the audit log; reading is itself recorded.
    #[command(subcommand, after_help = audit::EXAMPLES)]
    Audit(audit::Command),
    /// Shows mails that wait or were given up, and sends them again.
    #[command(subcommand, after_help = mail::EXAMPLES)]
    Mail(mail::Command),
    /// Prepares lists of breached passwords.
    #[command(subcommand, after_help = passwords::EXAMPLES)]
    Passwords(passwords::Command),
    /// Prints a completion script for a shell.
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Args),
    /// Prints the OpenAPI 3.1 document of the JSON API.
    #[command(hide = true, after_help = openapi::EXAMPLES)]
    Openapi,
    /// Prints the catalogue of audit events as Markdown.
    #[command(hide = true, after_help = audit_events::EXAMPLES)]
    AuditEvents,
}

/// The whole command line, for documents and completion scripts.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the arguments, does what they say, and tells how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Refused(format!("no threads can be started: {error}")).report(),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let settings = Settings::from(cli.env_file);
    match cli.command {
        Command::Serve => serve::run(&settings).await,
        Command::Demo(args) => demo::run(&settings, args).await,
        Command::Migrate(command) => migrate::run(&settings, command).await,
        Command::Keys(command) => keys::run(&settings, command).await,
        Command::Doctor(args) => doctor::run(&settings, args).await,
        Command::Admin(command) => admin::run(&settings, command).await,
        Command::Audit(command) => audit::run(&settings, command).await,
        Command::Mail(command) => mail::run(&settings, command).await,
        Command::Passwords(command) => passwords::run(command),
        Command::Completions(args) => completions::run(&args),
        Command::Openapi => openapi::run(),
        Command::AuditEvents => audit_events::run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(command: &clap::Command, path: &str, seen: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("EXAMPLES") && help.contains("signupflow"), "{path} has no example");
        assert!(command.get_about().is_some(), "{path} says nothing about itself");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} --{} has no help", argument.get_id());
        }
        seen.push(path.to_owned());
        for child in command.get_subcommands() {
            visit(child, &format!("{path} {}", child.get_name()), seen);
        }
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        let command = command();
        command.clone().debug_assert();
        let mut seen = Vec::new();
        visit(&command, "signupflow", &mut seen);
        for wanted in [
            "signupflow serve",
            "signupflow demo",
            "signupflow migrate down",
            "signupflow keys generate",
            "signupflow keys accept",
            "signupflow keys rotate",
            "signupflow doctor",
            "signupflow admin revoke-sessions",
            "signupflow admin enroll-2fa",
            "signupflow admin reset-2fa",
            "signupflow audit report two-factor",
            "signupflow audit export",
            "signupflow mail list",
            "signupflow mail retry",
            "signupflow passwords build",
            "signupflow completions",
        ] {
            assert!(seen.iter().any(|path| path == wanted), "{wanted} is missing");
        }
    }
}
