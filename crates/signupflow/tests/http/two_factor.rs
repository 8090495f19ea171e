//! The second factor (contract, section 6): set up, used, given up.

use crate::support::authenticator::{Authenticator, STEP, enrolled, give, signed_in, temporary_token};
use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_ip};
use backends::sql::Unit;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const ENABLE: &str = "/api/auth/2fa/enable";
const CONFIRM: &str = "/api/auth/2fa/verify-setup";

/// What an independent reader (`rqrr`) sees in the picture.
fn scanned(data_uri: &str) -> String {
    let png =
        STANDARD.decode(data_uri.strip_prefix("data:image/png;base64,").expect("a PNG")).expect("Base64");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
    let side = reader.next_frame(&mut pixels).expect("a picture").width as usize;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
    image.detect_grids().first().expect("a QR code").decode().expect("a sound one").1
}

async fn status(persona: &Persona<'_>) -> Value {
    persona.get("/api/auth/2fa").await.expect(200).json
}

/// Enabling shows everything once and activates nothing; confirming activates, ends every session, and from then on a
/// sign-in takes two steps.
#[tokio::test]
async fn setting_it_up_and_signing_in_with_it() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let phone = person.on_another_device().await;
    let off = json!({
        "enabled": false, "verified_at": null, "recovery_codes_left": 0, "app_codes_off": false,
        "required_by_org": false, "deadline": null, "days_left": null,
    });
    assert_eq!(status(&person).await, off);

    let offer = person.post(ENABLE, &json!({"password": PASSWORD})).await.expect(200);
    assert_eq!(offer.header("cache-control"), "no-store");
    let (secret, uri) = (offer.field("secret"), offer.field("otpauth_uri"));
    assert_eq!(secret.len(), 32);
    let account = person.email.replace('@', "%40");
    let expected = format!(
        "otpauth://totp/SignUpFlow:{account}?secret={secret}&issuer=SignUpFlow&algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!(uri, expected);
    assert_eq!(scanned(&offer.field("qr_code")), uri);
    let authenticator = Authenticator::of(&offer);
    assert_eq!(authenticator.recovery_codes.len(), 10);
    assert!(authenticator.recovery_codes.iter().all(|code| code.split('-').map(str::len).eq([4; 6])));
    assert_eq!(status(&person).await, off, "nothing is active yet");
    app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200).field("token");

    app.advance(1);
    let confirmed = person.post(CONFIRM, &json!({"code": authenticator.code(&app)})).await.expect(200);
    assert!(confirmed.field("message").contains("active"));
    for ended in [&person, &phone] {
        ended.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    }

    app.advance(STEP);
    let first = app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    assert_eq!((&first.json["2fa_required"], &first.json["token"]), (&json!(true), &Value::Null));
    assert!(first.field("message").contains("/api/auth/2fa/verify"));
    assert_eq!((first.header("cache-control"), first.header("set-cookie")), ("no-store", ""));
    let second = give(&app, &first.field("temp_token"), &authenticator.code(&app)).await.expect(200);
    assert!(second.header("set-cookie").starts_with("device="), "{}", second.header("set-cookie"));
    assert_eq!(second.json["recovery_codes_left"], Value::Null);
    let person = Persona::from_sign_in(&app, fresh_ip(), &person.email, PASSWORD, &second);
    assert_eq!(person.get("/api/people/me").await.expect(200).json["2fa_enabled"], true);
    let on = status(&person).await;
    assert_eq!((&on["enabled"], &on["recovery_codes_left"]), (&json!(true), &json!(10)));
    assert!(on["verified_at"].is_string() && on.get("warning").is_none());

    let rows = app.audit_rows("auth.*").await;
    let actions: Vec<&str> =
        rows.iter().map(|row| &*row.action).filter(|action| *action != "auth.login").collect();
    assert_eq!(actions, ["auth.2fa_setup_started", "auth.2fa_enabled", "auth.2fa_passed"]);
    let login = app.audit_rows("auth.login").await.pop().expect("a row").changes.expect("changes");
    assert!(login.to_string().contains("two_factor"), "{login}");
    let mails = app.mails_to(&person.email).await;
    assert!(mails.len() == 1 && mails[0].contains("Subject: Two-factor authentication is on"), "{mails:?}");
}

/// An active second factor is never touched by setting another one up.
#[tokio::test]
async fn an_active_one_stays_when_another_is_set_up() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let person = signed_in(&app, &person.email, &authenticator).await;
    let refused = person.post(ENABLE, &json!({"password": PASSWORD})).await;
    refused.expect_problem(409, "2fa_already_enabled");
    let code = json!({"code": authenticator.code(&app)});
    person.post(CONFIRM, &code).await.expect_problem(409, "2fa_already_enabled");
    signed_in(&app, &person.email, &authenticator).await;
}

/// A later enrolment replaces an earlier one; without one, or when it is too old, there is nothing to confirm.
#[tokio::test]
async fn only_what_was_begun_last_can_be_confirmed() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let code = json!({"code": "123456"});
    person.post(CONFIRM, &code).await.expect_problem(409, "2fa_not_started");
    let offer = async || {
        let offer = person.post(ENABLE, &json!({"password": PASSWORD})).await.expect(200);
        Authenticator::of(&offer)
    };
    let (first, second) = (offer().await, offer().await);
    let confirm = async |authenticator: &Authenticator| {
        person.post(CONFIRM, &json!({"code": authenticator.code(&app)})).await
    };
    confirm(&first).await.expect_problem(403, "wrong_code");
    app.advance(15 * 60);
    person.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await.expect(200);
    confirm(&second).await.expect_problem(409, "2fa_not_started");
    let third = offer().await;
    let recovery = json!({"code": third.recovery_codes[0]});
    let refused = person.post(CONFIRM, &recovery).await.expect_problem(422, "invalid_input");
    assert!(refused.json["errors"]["code"][0].as_str().is_some_and(|told| told.contains("six digits")));
    confirm(&third).await.expect(200);
}

/// Section 4: changes of the second factor need a fresh session and the password.
#[tokio::test]
async fn changes_need_a_fresh_session_and_the_password() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    person.post(ENABLE, &json!({"password": "wrong"})).await.expect_problem(403, "wrong_password");
    person.post(ENABLE, &json!({})).await.expect_problem(422, "invalid_input");
    app.advance(600);
    for path in [ENABLE, CONFIRM] {
        let body = if path == ENABLE { json!({"password": PASSWORD}) } else { json!({"code": "123456"}) };
        person.post(path, &body).await.expect_problem(401, "step_up_required");
    }
    person.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await.expect(200);
    let authenticator = enrolled(&person).await;
    let person = signed_in(&app, &person.email, &authenticator).await;
    app.advance(600);
    let both = json!({"password": PASSWORD, "code": authenticator.code(&app)});
    for path in ["/api/auth/2fa/disable", "/api/auth/2fa/regenerate-recovery-codes"] {
        person.post(path, &both).await.expect_problem(401, "step_up_required");
    }
    let reauthenticate = async |body: Value| person.post("/api/auth/reauthenticate", &body).await;
    let missing = reauthenticate(json!({"password": PASSWORD})).await.expect_problem(422, "invalid_input");
    assert!(missing.json["errors"]["code"].is_array());
    let wrong = json!({"password": PASSWORD, "code": authenticator.wrong(&app)});
    reauthenticate(wrong).await.expect_problem(403, "wrong_code");
    reauthenticate(both.clone()).await.expect(200);
    let again = person.post("/api/auth/2fa/disable", &both).await.expect_problem(403, "wrong_code");
    assert!(again.field("detail").contains("used already"), "{}", again.text);
}

/// Switching it off costs password and code; every session ends, and the password alone signs in again.
#[tokio::test]
async fn switching_it_off() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let nothing = json!({"password": PASSWORD, "code": "123456"});
    person.post("/api/auth/2fa/disable", &nothing).await.expect_problem(409, "2fa_not_enabled");
    let authenticator = enrolled(&person).await;
    let person = signed_in(&app, &person.email, &authenticator).await;
    let disable = async |password: &str, code: &str| {
        person.post("/api/auth/2fa/disable", &json!({"password": password, "code": code})).await
    };
    disable("wrong", &authenticator.code(&app)).await.expect_problem(403, "wrong_password");
    disable(PASSWORD, &authenticator.wrong(&app)).await.expect_problem(403, "wrong_code");
    disable(PASSWORD, "abc").await.expect_problem(422, "invalid_input");
    assert!(person.is_signed_in().await);
    disable(PASSWORD, &authenticator.recovery_codes[0]).await.expect(200);
    person.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    let answer = app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    let person = Persona::from_sign_in(&app, fresh_ip(), &person.email, PASSWORD, &answer);
    let off = status(&person).await;
    assert_eq!((&off["enabled"], &off["recovery_codes_left"]), (&json!(false), &json!(0)));
    let disabled = app.audit_rows("auth.2fa_disabled").await;
    assert_eq!((disabled.len(), &*disabled[0].user_id), (1, &*person.id));
    assert_eq!(app.audit_rows("auth.recovery_code_used").await.len(), 1);
    let mails = app.mails_to(&person.email).await;
    for told in ["Two-factor authentication is off", "A recovery code was used"] {
        assert_eq!(mails.iter().filter(|mail| mail.contains(told)).count(), 1, "{told}: {mails:?}");
    }
    enrolled(&person).await;
}

/// A recovery code signs in once; how many are left is told, by mail too, and three or fewer are a warning.
#[tokio::test]
async fn recovery_codes_are_used_up_one_by_one() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let mut last = None;
    for (code, left) in authenticator.recovery_codes.iter().zip((0..10).rev()) {
        app.advance(1);
        let token = temporary_token(&app, &person.email).await;
        let typed = if left % 2 == 0 { code.clone() } else { code.replace('-', "").to_lowercase() };
        let answer = give(&app, &token, &typed).await.expect(200);
        assert_eq!(answer.json["recovery_codes_left"], left);
        assert_eq!(answer.json["warning"].is_string(), left <= 3, "{}", answer.text);
        let token = temporary_token(&app, &person.email).await;
        give(&app, &token, code).await.expect_problem(401, "invalid_credentials");
        last = Some(answer);
    }
    let person = Persona::from_sign_in(&app, fresh_ip(), &person.email, PASSWORD, &last.expect("ten"));
    assert!(status(&person).await["warning"].is_string());
    let used = app.audit_rows("auth.recovery_code_used").await;
    assert_eq!(used.len(), 10);
    assert_eq!(used[0].changes, Some(json!({"codes_left": {"old": 10, "new": 9}})));
    let mails: Vec<String> = app.mails_to(&person.email).await;
    let used: Vec<_> = mails.iter().filter(|mail| mail.contains("A recovery code was used")).collect();
    assert_eq!(used.len(), 10);
    assert_eq!(used.iter().filter(|mail| mail.contains("Make new recovery codes")).count(), 4);
}

/// New recovery codes void the old, used or not; sessions stay.
#[tokio::test]
async fn new_recovery_codes_void_the_old() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let person = signed_in(&app, &person.email, &authenticator).await;
    let path = "/api/auth/2fa/regenerate-recovery-codes";
    let both = json!({"password": PASSWORD, "code": authenticator.code(&app)});
    let fresh = person.post(path, &both).await.expect(200);
    assert_eq!(fresh.header("cache-control"), "no-store");
    let fresh: Vec<String> = serde_json::from_value(fresh.json["recovery_codes"].clone()).expect("codes");
    assert_eq!(fresh.len(), 10);
    assert!(person.is_signed_in().await);
    person.post(path, &both).await.expect_problem(403, "wrong_code");
    let token = temporary_token(&app, &person.email).await;
    give(&app, &token, &authenticator.recovery_codes[3]).await.expect_problem(401, "invalid_credentials");
    give(&app, &token, &fresh[3]).await.expect(200);
    let rows = app.audit_rows("auth.recovery_codes_regenerated").await;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].changes.as_ref().is_some_and(|changes| changes.to_string().contains("[REDACTED]")));
    assert!(
        app.mails_to(&person.email).await.iter().any(|mail| mail.contains("You have new recovery codes"))
    );
    app.advance(STEP);
    let person = signed_in(&app, &person.email, &authenticator).await;
    let by_code = json!({"password": PASSWORD, "code": fresh[0]});
    person.post(path, &by_code).await.expect(200);
    let mails = app.mails_to(&person.email).await;
    // One at the sign-in above, one now.
    assert_eq!(mails.iter().filter(|mail| mail.contains("A recovery code was used")).count(), 2, "{mails:?}");
}

/// A new password inside a session keeps what the session knows of the person.
#[tokio::test]
async fn a_new_password_keeps_the_assurance_of_the_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let authenticator = enrolled(&admin).await;
    let admin = signed_in(&app, &admin.email, &authenticator).await;
    let policy = format!("/api/organizations/{}/require-2fa", admin.org_id);
    admin.put(&policy, &json!({"require": true})).await.expect(200);
    let change = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let answer = admin.put("/api/auth/password", &change).await.expect(200);
    let admin = Persona { token: answer.field("token"), csrf: answer.field("csrf_token"), ..admin };
    admin.get("/api/people").await.expect(200);
}

/// An admin removes the second factor of somebody who lost it, and is told if there is none; never their own.
#[tokio::test]
async fn an_admin_resets_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let reset = async |by: &Persona<'_>, whom: &Persona<'_>| -> Answer {
        by.poke(&format!("/api/people/{}/2fa/reset", whom.id)).await
    };
    reset(&admin, &member).await.expect_problem(409, "2fa_not_enabled");
    let authenticator = enrolled(&member).await;
    let member = signed_in(&app, &member.email, &authenticator).await;
    reset(&member, &admin).await.expect_problem(403, "forbidden");
    reset(&admin, &admin).await.expect_problem(409, "own_second_factor");
    reset(&app.admin().await, &member).await.expect_problem(404, "not_found");
    reset(&admin, &member).await.expect(200);
    member.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    app.login_from(&fresh_ip(), &member.email, PASSWORD).await.expect(200).field("token");
    let rows = app.audit_rows("auth.2fa_reset").await;
    assert_eq!((rows.len(), &*rows[0].user_id, &*rows[0].resource_id), (1, &*admin.id, &*member.id));
    let mails = app.mails_to(&member.email).await;
    assert!(mails.last().is_some_and(|mail| mail.contains("Your two-factor authentication was reset")));
    app.advance(600);
    reset(&admin, &member).await.expect_problem(401, "step_up_required");
}

/// What only waits to be confirmed protects nothing: removing it is on record, tells nobody and ends no session.
#[tokio::test]
async fn an_admin_removes_what_waits_to_be_confirmed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let offer = member.post(ENABLE, &json!({"password": PASSWORD})).await.expect(200);
    let answer = admin.poke(&format!("/api/people/{}/2fa/reset", member.id)).await.expect(200);
    assert!(answer.field("message").contains("waited to be confirmed"), "{}", answer.text);
    assert!(member.is_signed_in().await);
    let code = json!({"code": Authenticator::of(&offer).code(&app)});
    member.post(CONFIRM, &code).await.expect_problem(409, "2fa_not_started");
    let rows = app.audit_rows("auth.2fa_reset").await;
    assert_eq!((rows.len(), &*rows[0].resource_id), (1, &*member.id));
    assert_eq!(rows[0].changes, Some(json!({"2fa_waiting": {"old": true, "new": false}})));
    let mails = app.mails_to(&member.email).await;
    assert!(!mails.iter().any(|mail| mail.contains("was reset")), "{mails:?}");
}

/// A secret that no key opens, or that is not there: no code of the app is right, nothing breaks, nothing is counted, and
/// a recovery code still opens.
#[tokio::test]
async fn a_secret_that_cannot_be_read_refuses_codes_of_the_app() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let inside = signed_in(&app, &person.email, &authenticator).await;
    let foreign = Some("gAAAAAB-damaged-or-under-another-key".to_owned());
    for (secret, recovery_code) in [foreign, None].into_iter().zip(&authenticator.recovery_codes) {
        let mut unit = Unit::housekeeping("a second factor as an adopted database may have it");
        let params = vec![secret.into(), person.id.as_str().into()];
        let sql = "UPDATE user_security_settings SET totp_secret = $1 WHERE user_id = $2";
        unit.guarded(sql, params, "no such person");
        app.assembly.database.commit(unit).await.expect("stored");
        for _ in 0..4 {
            let token = temporary_token(&app, &person.email).await;
            let code = authenticator.code(&app);
            let refused = give(&app, &token, &code).await.expect_problem(403, "second_factor_unavailable");
            assert!(refused.field("detail").contains("cannot be checked"), "{}", refused.text);
            assert!(refused.field("detail").contains("recovery code"), "{}", refused.text);
            let again = json!({"password": PASSWORD, "code": code});
            let again = inside.post("/api/auth/reauthenticate", &again).await;
            again.expect_problem(403, "second_factor_unavailable");
        }
        let token = temporary_token(&app, &person.email).await;
        give(&app, &token, recovery_code).await.expect(200);
    }
    assert_eq!(app.audit_rows("auth.2fa_failed").await.len(), 0);
}
