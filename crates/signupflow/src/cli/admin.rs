//! `signupflow admin`: what an operator does for admins, recorded as `cli:<user>`.

use accounts::lockouts::{STRANGERS_STAY_OUT, Unlocked};
use accounts::model::Person;
use accounts::operator::{self, AdminPlace, NewAdmin};
use clap::Subcommand;
use serde_json::json;

use super::console::{self, Format};
use super::failure::Failure;
use super::operator::os_user;
use super::settings::{Settings, close};
use super::two_factor;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow admin create --name 'Ada Admin' --email ada@example.org --org-name 'Helping Hands'
  signupflow admin unlock ada@example.org
  signupflow admin revoke-sessions          of the first admin, as nobody is named
  signupflow admin enroll-2fa               gives the first admin a second factor";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates an admin, in a new organization or an existing one. The password is asked for, or read from
    /// standard input.
    #[command(after_help = "EXAMPLES
  signupflow admin create                     asks for everything
  signupflow admin create --name Ada --email ada@example.org --org-name 'Helping Hands' < password.txt
  signupflow admin create --name Bo --email bo@example.org --org-id org_0192…")]
    Create(Create),
    /// Opens an account: after too many failed sign-ins, or locked by an admin.
    #[command(after_help = "EXAMPLES
  signupflow admin unlock                     the first admin
  signupflow admin unlock ada@example.org")]
    Unlock {
        /// Whose; the first admin's when left out.
        email: Option<String>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Signs a person out everywhere; a running server follows within a second or two.
    #[command(after_help = "EXAMPLES
  signupflow admin revoke-sessions                     the first admin
  signupflow admin revoke-sessions ada@example.org")]
    RevokeSessions {
        /// Whose; the first admin's when left out.
        email: Option<String>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Gives a person a second factor: shows a QR code, the secret, the present code and recovery codes. On a terminal
    /// the app's code confirms it; elsewhere it is active at once. The person is signed out everywhere.
    #[command(
        name = "enroll-2fa",
        after_help = "EXAMPLES
  signupflow admin enroll-2fa                     the first admin
  signupflow admin enroll-2fa ada@example.org
  signupflow admin enroll-2fa ada@example.org --format json"
    )]
    EnrollTwoFactor {
        /// Whose; the first admin's when left out.
        email: Option<String>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Removes the second factor of a person who lost it. The person is signed out everywhere, and told by mail.
    #[command(
        name = "reset-2fa",
        after_help = "EXAMPLES
  signupflow admin reset-2fa                     the first admin
  signupflow admin reset-2fa ada@example.org"
    )]
    ResetTwoFactor {
        /// Whose; the first admin's when left out.
        email: Option<String>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// Name.
    #[arg(long)]
    name: Option<String>,
    /// E-mail address, to sign in with.
    #[arg(long)]
    email: Option<String>,
    /// The name of a new organization.
    #[arg(long, value_name = "NAME")]
    org_name: Option<String>,
    /// The id of an existing organization.
    #[arg(long, value_name = "ID", conflicts_with = "org_name")]
    org_id: Option<String>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(settings: &Settings, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(settings, args).await,
        Command::Unlock { email, format } => {
            let assembly = settings.assemble().await?;
            let done = operator::unlock(&assembly.services, &os_user(), email.as_deref()).await?;
            close(assembly).await?;
            unlocked(&done, format)
        }
        Command::RevokeSessions { email, format } => {
            let assembly = settings.assemble().await?;
            let person = operator::revoke_sessions(&assembly.services, &os_user(), email.as_deref()).await?;
            close(assembly).await?;
            told(&person, "is signed out everywhere", format)
        }
        Command::EnrollTwoFactor { email, format } => {
            two_factor::enroll(settings, email.as_deref(), format).await
        }
        Command::ResetTwoFactor { email, format } => {
            two_factor::reset(settings, email.as_deref(), format).await
        }
    }
}

fn unlocked(done: &Unlocked, format: Format) -> Result<(), Failure> {
    if done.open_to_strangers {
        return told(&done.person, "may sign in again", format);
    }
    if format == Format::Json {
        let mut answer = as_json(&done.person);
        answer["notice"] = STRANGERS_STAY_OUT.into();
        return console::print_json(&answer);
    }
    told(&done.person, "is not locked otherwise any more", format)?;
    console::print(&format!("{STRANGERS_STAY_OUT}\n"))
}

async fn create(settings: &Settings, args: Create) -> Result<(), Failure> {
    // Asked for before the database is touched, so that a mistake leaves nothing behind.
    let name = given_or_asked(args.name, "--name", "Name:")?;
    let email = given_or_asked(args.email, "--email", "E-mail address:")?;
    let place = match args.org_id {
        Some(id) => AdminPlace::Existing(id),
        None => AdminPlace::NewOrganization(given_or_asked(
            args.org_name,
            "--org-name or --org-id",
            "Name of the new organization:",
        )?),
    };
    let input = NewAdmin { name, email, password: console::new_password()?, place };
    let assembly = settings.assemble().await?;
    let person = operator::create_admin(&assembly.services, &os_user(), input).await?;
    close(assembly).await?;
    told(&person, "is an admin now", args.format)
}

fn given_or_asked(given: Option<String>, option: &str, question: &str) -> Result<String, Failure> {
    match given {
        Some(value) => Ok(value),
        None => console::ask(question)?
            .ok_or_else(|| Failure::Usage(format!("{option} is needed; it is asked for only on a terminal"))),
    }
}

pub(super) fn as_json(person: &Person) -> serde_json::Value {
    json!({
        "id": person.id, "org_id": person.org_id, "name": person.name, "email": person.email,
        "roles": person.roles,
    })
}

pub(super) fn told(person: &Person, what: &str, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return console::print_json(&as_json(person));
    }
    let email = person.email.as_deref().unwrap_or("no e-mail address");
    console::print(&format!(
        "{} ({}, {}, organization {}) {what}.\n",
        console::harmless(&person.name),
        console::harmless(email),
        person.id,
        person.org_id
    ))
}
