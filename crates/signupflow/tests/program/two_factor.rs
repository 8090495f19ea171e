//! `signupflow admin enroll-2fa` and `reset-2fa`, `audit report two-factor`, `keys rotate`.

use accounts::Refusal;
use accounts::RequestContext;
use accounts::sign_in::{Outcome, SignIn, sign_in};
use accounts::two_factor::sign_in_step;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hardening::email::EmailAddress;
use hardening::secret::Secret;
use hardening::session::Assurance;
use hardening::two_factor::TypedCode;
use serde_json::Value;
use signupflow::wiring::Assembly;

use crate::admin::{log, opened};
use crate::place::{PASSPHRASE, Place};

pub(crate) const EMAIL: &str = "ada@example.org";

fn with_admin() -> Place {
    admin_in(Place::new())
}

pub(crate) fn admin_in(place: Place) -> Place {
    place.create_admin("Ada Admin", EMAIL, "Helping Hands");
    place
}

fn enrolled(place: &Place) -> Value {
    place.json(&["admin", "enroll-2fa", "--format", "json"])
}

fn context() -> RequestContext {
    RequestContext::new("request", "192.0.2.1", "192.0.2.1", None)
}

async fn password_step(assembly: &Assembly) -> Outcome {
    let input = SignIn {
        email: EmailAddress::parse(EMAIL).expect("an address"),
        password: Secret::new(PASSPHRASE.to_owned()),
        device_tokens: Vec::new(),
    };
    sign_in(&assembly.services, &context(), input).await.expect("the right password")
}

/// Signs in with this code; tells how sure the session is.
pub(crate) async fn both_steps(assembly: &Assembly, code: &str) -> Result<Assurance, accounts::Error> {
    let Outcome::SecondFactorNeeded(token) = password_step(assembly).await else {
        panic!("one step was enough")
    };
    let code = TypedCode::parse(&Secret::new(code.to_owned())).expect("a code");
    let passed = sign_in_step::verify(&assembly.services, &context(), &token, &code).await?;
    Ok(passed.signed_in.session.assurance)
}

async fn stored_secret(assembly: &Assembly, person: &Value) -> String {
    let id = person["id"].as_str().expect("an id");
    let state = assembly.services.two_factor.state_of(id).await.expect("readable");
    state.totp_secret.expect("a secret")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// With the code it prints, and with a recovery code; the trail names the operator.
#[tokio::test]
async fn an_enrolled_admin_signs_in_with_what_was_printed() {
    let place = with_admin();
    let shown = enrolled(&place);
    assert_eq!((text(&shown["person"]["email"]), &shown["enabled"]), (EMAIL, &Value::Bool(true)));
    assert!(text(&shown["otpauth_uri"]).contains(text(&shown["secret"])));
    {
        let assembly = opened(&place).await;
        let code = text(&shown["current_code"]);
        assert_eq!(both_steps(&assembly, code).await.expect("signed in"), Assurance::TwoFactor);
        both_steps(&assembly, code).await.expect_err("used");
        let recovery = text(&shown["recovery_codes"][9]);
        assert_eq!(both_steps(&assembly, recovery).await.expect("signed in"), Assurance::TwoFactor);
        assembly.database.clone().close().await;
    }
    place.run(&["admin", "enroll-2fa", EMAIL]).failed(1, "active already");
    let rows = log(&place, "auth.2fa_enabled");
    assert_eq!(rows.len(), 1);
    assert!(text(&rows[0]["user_email"]).starts_with("cli:"), "{}", rows[0]);
}

/// The original's step 7: a picture, the secret for typing, the code of the present; without colours off a terminal.
#[test]
fn the_picture_the_secret_and_the_code_are_printed() {
    let ended = with_admin().run(&["admin", "enroll-2fa"]).done();
    assert!(ended.contains(&format!("2FA setup for {EMAIL}")), "{ended}");
    assert!(ended.contains("██") && !ended.contains('\u{1b}'), "{ended}");
    let after =
        |words: &str| ended.split(words).nth(1).and_then(|rest| rest.lines().next()).expect("printed");
    assert_eq!(after("secret into it: ").len(), 32);
    assert!(after("this code now: ").parse::<u32>().is_ok_and(|code| code < 1_000_000));
    assert_eq!(ended.lines().filter(|line| line.trim().split('-').map(str::len).eq([4; 6])).count(), 10);
}

/// The secret at rest is a plain Fernet token: another implementation, with the key of the settings, reads it.
#[tokio::test]
async fn the_stored_secret_is_readable_with_the_key_by_another_implementation() {
    let place = with_admin();
    let shown = enrolled(&place);
    let settings = std::fs::read_to_string(place.path().join("data/secrets.env")).expect("generated keys");
    let key = settings.lines().find_map(|line| line.strip_prefix("TOTP_ENCRYPTION_KEY=")).expect("the key");
    let assembly = opened(&place).await;
    let token = stored_secret(&assembly, &shown["person"]).await;
    assembly.database.clone().close().await;
    let plain = fernet::Fernet::new(key).expect("a key").decrypt(&token).expect("it opens");
    assert_eq!(String::from_utf8(plain).expect("text"), text(&shown["secret"]));
}

#[tokio::test]
async fn a_reset_takes_it_away_again() {
    let place = with_admin();
    place.run(&["admin", "reset-2fa"]).failed(1, "not active");
    let first = enrolled(&place);
    assert!(place.done(&["admin", "reset-2fa", EMAIL]).contains("no second factor"));
    let assembly = opened(&place).await;
    let session = password_step(&assembly).await.signed_in().expect("one step is enough").session;
    assert_eq!(session.assurance, Assurance::Password);
    assembly.database.clone().close().await;
    let rows = log(&place, "auth.2fa_reset");
    assert!(rows.len() == 1 && text(&rows[0]["user_email"]).starts_with("cli:"));
    assert_ne!(enrolled(&place)["secret"], first["secret"]);
    place.run(&["admin", "reset-2fa", "nobody@example.org"]).failed(1, "person");
}

/// Everybody with what is asked of them; reading it is on record.
#[test]
fn the_report_tells_who_has_one() {
    let place = with_admin();
    let org_id = text(&enrolled(&place)["person"]["org_id"]).to_owned();
    let create = ["admin", "create", "--name", "Bo", "--email", "bo@example.org", "--org-id", &org_id];
    place.run_with_input(&create, &format!("{PASSPHRASE}\n")).done();
    let report = place.json(&["audit", "report", "two-factor", "--org", &org_id, "--format", "json"]);
    let people = report["people"].as_array().expect("people");
    let seen: Vec<_> = people
        .iter()
        .map(|p| {
            (
                text(&p["email"]),
                p["2fa_enabled"] == true,
                p["verified_at"].is_string(),
                &p["recovery_codes_left"],
            )
        })
        .collect();
    assert_eq!(seen, [(EMAIL, true, true, &10.into()), ("bo@example.org", false, false, &0.into())]);
    assert!(people.iter().all(|p| p["required"] == false && p["overdue"] == false));
    let table = place.done(&["audit", "report", "two-factor"]);
    assert!(table.contains("REQUIRED") && table.contains("bo@example.org"), "{table}");
    place.run(&["audit", "report", "two-factor", "--org", "org_missing"]).failed(1, "organization");
    let rows = log(&place, "audit.read");
    assert_eq!(rows.iter().filter(|row| row["resource_type"] == "second_factors").count(), 2);
}

/// After `keys rotate` the old key can go; without it before, the factor is unreadable, and only that.
#[tokio::test]
async fn rotated_secrets_need_the_old_key_no_more() {
    let key = |byte: u8| URL_SAFE.encode([byte; 32]);
    let (old, new) = (key(1), key(2));
    let place = admin_in(Place::new().with("TOTP_ENCRYPTION_KEY", &old));
    let shown = enrolled(&place);
    let under = |keys: &str| {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_signupflow"));
        run.args(["keys", "rotate", "--format", "json"]).env_clear().current_dir(place.path());
        run.env("DATA_DIR", place.path().join("data")).env("TOTP_ENCRYPTION_KEY", keys);
        let output = run.output().expect("it runs");
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    let counts = |renewed: u64, current: u64, unreadable: u64| serde_json::json!({ "renewed": renewed, "current": current, "unreadable": unreadable });
    assert_eq!(under(&new), (Some(2), Value::Null), "a key that nothing is under");
    assert_eq!(under(&format!("{new},{old}")), (Some(0), counts(1, 0, 0)));
    assert_eq!(under(&new), (Some(0), counts(0, 1, 0)));
    assert_eq!(under(&old), (Some(1), counts(0, 0, 1)));
    let assembly = opened(&place).await;
    let token = stored_secret(&assembly, &shown["person"]).await;
    assert_eq!(
        fernet::Fernet::new(&new).expect("a key").decrypt(&token).expect("opens"),
        text(&shown["secret"]).as_bytes()
    );
    // The key of this process is another one: codes of the app fail closed, recovery codes still work.
    let failed = both_steps(&assembly, text(&shown["current_code"])).await.expect_err("unreadable");
    let unreadable = Refusal::SecondFactorUnreadable { person_id: text(&shown["person"]["id"]).to_owned() };
    assert!(matches!(&failed, accounts::Error::Refused(why) if *why == unreadable), "{failed:?}");
    both_steps(&assembly, text(&shown["recovery_codes"][0])).await.expect("signed in");
    let unknown = both_steps(&assembly, "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA").await.expect_err("unknown");
    assert!(matches!(unknown, accounts::Error::Refused(Refusal::WrongSignInCode(_))), "{unknown:?}");
    assembly.database.clone().close().await;
    assert_eq!(log(&place, "auth.2fa_keys_rotated").len(), 3);
}
