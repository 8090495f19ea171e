//! `signupflow admin enroll-2fa` and `reset-2fa`, and the report of second factors.

use accounts::two_factor::manage::Removed;
use accounts::two_factor::operator::{self, Begun};
use accounts::two_factor::report::{self, Entry};
use accounts::{Refusal, Services};
use hardening::fault::Fault;
use hardening::secret::Secret;
use hardening::two_factor::{QrCode, TotpCode};
use serde_json::json;

use super::admin::{as_json, told};
use super::console::{self, Format};
use super::failure::Failure;
use super::operator::os_user;
use super::settings::{Settings, close};

/// How often a wrong code is asked for again.
const TRIES: usize = 3;

/// Gives a person a second factor. On a terminal it is confirmed with the app's code; elsewhere it is active at once,
/// because nobody is there to give one.
pub(super) async fn enroll(settings: &Settings, email: Option<&str>, format: Format) -> Result<(), Failure> {
    let assembly = settings.assemble().await?;
    let services = &assembly.services;
    let begun = operator::begin(services, &os_user(), email).await?;
    let confirmed = if format == Format::Table && console::can_ask() {
        console::print(&drawn(&begun)?)?;
        ask_for_code(services, &begun).await?
    } else {
        operator::activate(services, &begun, None).await?;
        show(&begun, format)?;
        true
    };
    close(assembly).await?;
    if !confirmed {
        return Err(Failure::Refused(
            "no right code was given: nothing is active. What was shown is worthless in 15 minutes"
                .to_owned(),
        ));
    }
    match format {
        Format::Json => Ok(()),
        Format::Table => {
            told(&begun.person, "has two-factor authentication now, and is signed out everywhere", format)
        }
    }
}

async fn ask_for_code(services: &Services, begun: &Begun) -> Result<bool, Failure> {
    for _ in 0..TRIES {
        let Some(typed) =
            console::ask("Code that the app shows (empty: give up):")?.filter(|code| !code.is_empty())
        else {
            return Ok(false);
        };
        match TotpCode::parse(&typed) {
            None => console::note("That is not six digits."),
            Some(code) if operator::activate(services, begun, Some(&code)).await? => return Ok(true),
            Some(_) => console::note("That code is not right; is the clock of the device right?"),
        }
    }
    Ok(false)
}

fn show(begun: &Begun, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => console::print(&drawn(begun)?),
        Format::Json => console::print_json(&json!({
            "person": as_json(&begun.person),
            "secret": begun.offer.secret.to_base32().expose(),
            "otpauth_uri": begun.offer.uri.expose(),
            "recovery_codes": recovery_codes(begun),
            "current_code": begun.current_code.expose(),
            "enabled": true,
        })),
    }
}

fn recovery_codes(begun: &Begun) -> Vec<String> {
    begun.offer.recovery_codes.iter().map(|code| code.to_text().expose().clone()).collect()
}

fn drawn(begun: &Begun) -> Result<String, Failure> {
    let picture = picture(&begun.offer.uri)?;
    let email = begun.person.email.as_deref().unwrap_or(&begun.person.name);
    let codes: String = recovery_codes(begun).iter().map(|code| format!("  {code}\n")).collect();
    Ok(format!(
        "2FA setup for {}\n\nScan this with an authenticator app:\n\n{}\nOr type this secret into it: {}\n\n\
         The app then shows this code now: {}\n\nRecovery codes, each good once; keep them apart from the phone:\n\
         {codes}\n",
        console::harmless(email),
        picture.expose(),
        begun.offer.secret.to_base32().expose(),
        begun.current_code.expose(),
    ))
}

fn picture(uri: &Secret<String>) -> Result<Secret<String>, Failure> {
    let code = QrCode::of(uri).map_err(|error| accounts::Error::from(Fault::internal(error)))?;
    Ok(code.to_terminal(console::draws_in_colour()))
}

/// Removes a person's second factor.
pub(super) async fn reset(settings: &Settings, email: Option<&str>, format: Format) -> Result<(), Failure> {
    let assembly = settings.assemble().await?;
    let (person, removed) = operator::reset(&assembly.services, &os_user(), email).await?;
    close(assembly).await?;
    let what = match removed {
        Removed::Active => "has no second factor any more, and is signed out everywhere",
        Removed::Waiting => "has no second factor waiting to be confirmed any more",
    };
    told(&person, what, format)
}

/// Who has a second factor, and who should: for auditors.
pub(super) async fn report(settings: &Settings, org: Option<&str>, format: Format) -> Result<(), Failure> {
    let assembly = settings.assemble_without_redis().await?;
    let services = &assembly.services;
    if let Some(org_id) = org
        && services.organizations.get(org_id).await?.is_none()
    {
        return Err(Refusal::NotFound("organization").into());
    }
    let entries = report::second_factors(services, &os_user(), org).await?;
    close(assembly).await?;
    if format == Format::Json {
        let people: Vec<_> = entries.iter().map(entry_as_json).collect();
        return console::print_json(&json!({ "people": people }));
    }
    let headers = ["organization", "person", "e-mail", "roles", "2fa", "since", "codes left", "required"];
    console::print_table(&headers, entries.iter().map(entry_as_row).collect())
}

fn entry_as_json(entry: &Entry) -> serde_json::Value {
    let mut person = as_json(&entry.row.person);
    person["organization"] = json!(entry.row.organization);
    person["status"] = json!(entry.row.person.status.as_str());
    person["2fa_enabled"] = json!(entry.row.person.two_factor_enabled);
    person["verified_at"] = json!(entry.row.verified_at);
    person["recovery_codes_left"] = json!(entry.row.recovery_codes_left);
    person["required"] = json!(entry.required);
    person["overdue"] = json!(entry.overdue);
    person
}

fn entry_as_row(entry: &Entry) -> Vec<String> {
    let person = &entry.row.person;
    let required = match (entry.overdue, entry.required) {
        (true, _) => "overdue",
        (false, true) => "yes",
        (false, false) => "no",
    };
    vec![
        entry.row.organization.clone(),
        person.name.clone(),
        person.email.clone().unwrap_or_default(),
        person.roles.join(", "),
        if person.two_factor_enabled { "✓" } else { "✗" }.to_owned(),
        entry.row.verified_at.map(|at| at.to_string()).unwrap_or_default(),
        entry.row.recovery_codes_left.to_string(),
        required.to_owned(),
    ]
}
