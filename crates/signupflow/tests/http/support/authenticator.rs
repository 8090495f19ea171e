//! The app on somebody's phone, and the recovery codes in their drawer.

use std::time::Duration;

use hardening::two_factor::{Totp, TotpSecret};
use serde_json::json;

use super::{Answer, PASSWORD, Persona, TestApp, fresh_ip};

/// A time step, in seconds.
pub const STEP: u64 = 30;

/// A second factor.
#[derive(Clone)]
pub struct Authenticator {
    pub secret: TotpSecret,
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// From the answer to `enable`.
    pub fn of(offer: &Answer) -> Self {
        let codes = offer.json["recovery_codes"].as_array().expect("recovery codes");
        Self {
            secret: TotpSecret::from_base32(&offer.field("secret")).expect("Base32"),
            recovery_codes: codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect(),
        }
    }

    /// What the app shows now.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_ago(app, 0)
    }

    /// What it showed so many steps ago.
    pub fn code_ago(&self, app: &TestApp, steps: u64) -> String {
        let then = app.now() - Duration::from_secs(steps * STEP);
        Totp::new(0).code_at(&self.secret, then).to_text().expose().clone()
    }

    /// What it will show in so many steps.
    pub fn code_in(&self, app: &TestApp, steps: u64) -> String {
        let then = app.now() + Duration::from_secs(steps * STEP);
        Totp::new(0).code_at(&self.secret, then).to_text().expose().clone()
    }

    /// Six digits that are the code of no step near the present.
    pub fn wrong(&self, app: &TestApp) -> String {
        let near: Vec<String> =
            (0..20).flat_map(|steps| [self.code_ago(app, steps), self.code_in(app, steps)]).collect();
        (0..1_000).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).expect("most are wrong")
    }
}

/// Sets a second factor up. Every session ends, and its first code is used: the clock moves on.
pub async fn enrolled(persona: &Persona<'_>) -> Authenticator {
    let app = persona.app;
    let offer =
        persona.post("/api/auth/2fa/enable", &json!({"password": persona.password})).await.expect(200);
    let authenticator = Authenticator::of(&offer);
    let code = json!({"code": authenticator.code(app)});
    persona.post("/api/auth/2fa/verify-setup", &code).await.expect(200);
    app.advance(STEP);
    authenticator
}

/// The password step: the temporary token.
pub async fn temporary_token(app: &TestApp, email: &str) -> String {
    let answer = app.login_from(&fresh_ip(), email, PASSWORD).await.expect(200);
    assert_eq!(answer.json["2fa_required"], true, "{}", answer.text);
    answer.field("temp_token")
}

/// The code step.
pub async fn give(app: &TestApp, token: &str, code: &str) -> Answer {
    app.post_from(&fresh_ip(), "/api/auth/2fa/verify", &json!({"temp_token": token, "code": code})).await
}

/// Both steps with the present code.
pub async fn signed_in<'a>(app: &'a TestApp, email: &str, authenticator: &Authenticator) -> Persona<'a> {
    let token = temporary_token(app, email).await;
    let answer = give(app, &token, &authenticator.code(app)).await.expect(200);
    app.advance(STEP);
    Persona::from_sign_in(app, fresh_ip(), email, PASSWORD, &answer)
}
