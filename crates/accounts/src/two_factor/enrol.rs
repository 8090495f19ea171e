//! Setting a second factor up: inside a session, or with the temporary token of a sign-in that must do so first.

use std::time::Duration;

use hardening::audit::{Action, Changes, Resource};
use hardening::password::normalise;
use hardening::secret::Secret;
use hardening::session::Assurance;
use hardening::two_factor::{RecoveryCode, TotpSecret, TypedCode, otpauth_uri};

use super::notices::{self, News};
use super::sign_in_step::waiting;
use super::spend::{inside, proof_or_hint};
use crate::audit_trail::{Actor, Happening};
use crate::check_again::{Asker, WrongAgain, check_again, record_wrong_again};
use crate::context::{Principal, RequestContext};
use crate::credential_check::{open_gate, settle};
use crate::error::{Error, Refusal};
use crate::model::{Credentials, Person};
use crate::ports::{Activation, Enrolment, PendingStep, StepPurpose};
use crate::services::Services;
use crate::sign_in::{SignedIn, complete};

/// How long a second factor waits to be confirmed.
const WAITS_FOR: Duration = Duration::from_mins(15);

/// Who sets a second factor up.
#[derive(Debug)]
pub enum Enroller {
    /// Somebody signed in.
    Inside(Principal),
    /// Somebody whose sign-in waits for it.
    SigningIn(Box<Waiting>),
}

/// A sign-in that waits for a second factor to be set up.
#[derive(Debug)]
pub struct Waiting {
    step: PendingStep,
    known: Credentials,
}

impl Enroller {
    /// By the temporary token of a sign-in.
    pub async fn by_token(services: &Services, token: &str) -> Result<Self, Error> {
        let (step, known) = waiting(services, token, StepPurpose::SetUp).await?;
        Ok(Self::SigningIn(Box::new(Waiting { step, known })))
    }

    fn asker(&self) -> Asker {
        match self {
            Self::Inside(principal) => Asker::principal(principal),
            Self::SigningIn(waiting) => Asker::person(&waiting.known.person),
        }
    }
}

/// What is shown once: to be scanned, and to be kept.
#[derive(Debug)]
pub struct Offer {
    /// For the app.
    pub secret: TotpSecret,
    /// The same as a link.
    pub uri: Secret<String>,
    /// For the day the app is gone.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// Makes a second factor that waits to be confirmed. Inside a session the password is asked for again; where a
/// sign-in waits it was given a moment ago, and is checked only if it is given.
pub async fn begin(
    services: &Services,
    context: &RequestContext,
    enroller: &Enroller,
    password: Option<&Secret<String>>,
) -> Result<Offer, Error> {
    let asker = enroller.asker();
    if let Enroller::Inside(principal) = enroller {
        principal.require_fresh(services)?;
    }
    if services.two_factor.state_of(&asker.person_id).await?.enabled {
        return Err(Refusal::TwoFactorAlreadyEnabled.into());
    }
    let known = match (password, enroller) {
        (Some(password), _) => check_again(services, context, &asker, normalise(password.expose())).await?,
        (None, Enroller::SigningIn(waiting)) => waiting.known.clone(),
        (None, Enroller::Inside(_)) => return Err(Refusal::field("password", "is required").into()),
    };
    store(services, context, &asker.actor, &known.person).await
}

/// Makes and stores a secret and recovery codes.
pub(super) async fn store(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    person: &Person,
) -> Result<Offer, Error> {
    let (now, rules) = (services.clock.now(), &services.second_factor);
    let secret = TotpSecret::generate(&*services.entropy);
    let (recovery_codes, hashes) = rules.fresh_codes(&person.id, &*services.entropy);
    let enrolment = Enrolment {
        totp_secret: rules.sealed(&secret, now, &*services.entropy),
        recovery_codes: hashes,
        created_at: now,
        expires_at: now + WAITS_FOR,
    };
    let begun = Happening::done(Action::AuthTwoFactorSetupStarted, resource(person));
    let trail = services.trail(context, actor, begun);
    services.two_factor.begin_enrolment(&person.id, &enrolment, trail).await?;
    let account = person.email.as_deref().unwrap_or(&person.name);
    Ok(Offer { uri: otpauth_uri(&rules.issuer, account, &secret), secret, recovery_codes })
}

/// Confirms with the app's first code: the second factor is active, and every session ends. Where a sign-in waits for
/// it, that goes on to its session.
pub async fn confirm(
    services: &Services,
    context: &RequestContext,
    enroller: Enroller,
    typed: &TypedCode,
) -> Result<Option<SignedIn>, Error> {
    let asker = enroller.asker();
    let (known, spent_step) = match enroller {
        Enroller::Inside(principal) => {
            principal.require_fresh(services)?;
            let known = services.accounts.credentials_of(principal.person_id()).await?;
            (known.ok_or(Refusal::Unauthenticated)?, None)
        }
        Enroller::SigningIn(waiting) => (waiting.known, Some(waiting.step)),
    };
    let now = services.clock.now();
    if known.person.two_factor_enabled {
        return Err(Refusal::TwoFactorAlreadyEnabled.into());
    }
    let enrolment = services.two_factor.enrolment_of(&known.person.id, now).await?;
    let enrolment = enrolment.ok_or(Refusal::TwoFactorNotStarted)?;
    let used_step = judge(services, context, &asker, &enrolment, typed).await?;
    let device_id = spent_step.as_ref().and_then(|step| step.device_id.clone());
    let signing_in = spent_step.is_some();
    let activation = Activation {
        person_id: known.person.id.clone(),
        credential_epoch: known.credential_epoch,
        enrolment,
        used_step,
        spent_step: spent_step.map(|step| step.token),
        at: now,
    };
    activate(services, context, &asker.actor, &known.person, activation).await?;
    if !signing_in {
        return Ok(None);
    }
    let mut known = Credentials { credential_epoch: known.credential_epoch + 1, ..known };
    known.person.two_factor_enabled = true;
    complete(services, context, known, device_id, Assurance::TwoFactor, None).await.map(Some)
}

/// Stores an activation and ends the person's sessions.
pub(super) async fn activate(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    person: &Person,
    activation: Activation,
) -> Result<(), Error> {
    let enabled = Happening::done(Action::AuthTwoFactorEnabled, resource(person))
        .changing(Changes::new().field("2fa_enabled", false, true));
    let trail = services.trail(context, actor, enabled);
    let mails = notices::mail(services, context, person, News::Enabled);
    services.two_factor.activate(activation, trail, mails).await?;
    services.sessions.end_all_of(&person.id, None).await?;
    Ok(())
}

/// The time step of a right code.
async fn judge(
    services: &Services,
    context: &RequestContext,
    asker: &Asker,
    enrolment: &Enrolment,
    typed: &TypedCode,
) -> Result<i64, Error> {
    let TypedCode::App(code) = typed else {
        return Err(Refusal::field("code", "must be the six digits that your app shows").into());
    };
    let reservation = open_gate(services, context, &asker.actor, inside(services, &asker.person_id)).await?;
    let Some(secret) = services.second_factor.opened(&enrolment.totp_secret) else {
        // Begun under a key that is gone: it has to be begun anew.
        reservation.withdrawn().await;
        return Err(Refusal::TwoFactorNotStarted.into());
    };
    let verdict = services.second_factor.totp.check(&secret, code, 0, services.clock.now());
    match proof_or_hint(services, verdict) {
        Ok(step) => {
            settle(context, reservation, true).await?;
            Ok(step)
        }
        Err(hint) => {
            let settled = settle(context, reservation, false).await?;
            let what = WrongAgain {
                action: Action::AuthTwoFactorFailed,
                why: "wrong code for a second factor that is being set up",
                too_many: "too many wrong codes",
            };
            record_wrong_again(services, context, asker, what, settled.locked).await?;
            Err(Refusal::WrongCode(hint).into())
        }
    }
}

fn resource(person: &Person) -> Resource {
    Resource::new("person", &*person.id).named(&*person.name)
}
