//! The step of a sign-in that waits for a second factor.
//!
//! * Its temporary token is random and opens nothing else: storage knows it by its hash, with its purpose, whose it
//!   is and at which credential epoch the password was right. It dies with success, with its time, and whenever the
//!   epoch moves.
//! * The code is spent before the session is made: of tries at once one makes a session, and the others displace none.

use std::time::Duration;

use hardening::audit::{Action, Changes, Resource};
use hardening::one_time_token::{OneTimeToken, TokenHash};
use hardening::secret::Secret;
use hardening::session::Assurance;
use hardening::two_factor::TypedCode;
use serde_json::json;

use super::notices::{self, News};
use super::{Attempt, Place};
use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::error::{Error, Refusal};
use crate::model::{Credentials, Person};
use crate::ports::{PendingStep, StepPurpose};
use crate::services::Services;
use crate::sign_in::{SignedIn, complete, may_sign_in};

/// Life of the token that waits for a code.
const VERIFY_TTL: Duration = Duration::from_mins(5);
/// Life of the token that waits for a second factor to be set up.
const SET_UP_TTL: Duration = Duration::from_mins(15);

/// Stores that the password was right; the token is for the client.
pub(crate) async fn begin(
    services: &Services,
    known: &Credentials,
    purpose: StepPurpose,
    device_id: Option<String>,
    upgraded_hash: Option<String>,
) -> Result<Secret<String>, Error> {
    let now = services.clock.now();
    let (token, hash) = OneTimeToken::generate(&*services.entropy);
    let ttl = match purpose {
        StepPurpose::Verify => VERIFY_TTL,
        StepPurpose::SetUp => SET_UP_TTL,
    };
    let step = PendingStep {
        token: hash,
        purpose,
        person_id: known.person.id.clone(),
        credential_epoch: known.credential_epoch,
        device_id,
        created_at: now,
        expires_at: now + ttl,
    };
    match services.two_factor.begin_step(&step, upgraded_hash).await {
        Ok(()) => Ok(token),
        // The password was changed, or the account locked, while this one was being checked.
        Err(Error::Refused(Refusal::Conflict)) => Err(Refusal::InvalidCredentials.into()),
        Err(other) => Err(other),
    }
}

/// The step a token stands for, and the account as it is now.
pub(super) async fn waiting(
    services: &Services,
    token: &str,
    purpose: StepPurpose,
) -> Result<(PendingStep, Credentials), Error> {
    let hash = TokenHash::of(token).ok_or(Refusal::TemporaryTokenInvalid)?;
    let step = services.two_factor.pending_step(&hash, purpose, services.clock.now()).await?;
    let step = step.ok_or(Refusal::TemporaryTokenInvalid)?;
    let known = services.accounts.credentials_of(&step.person_id).await?;
    let current = known.filter(|known| known.credential_epoch == step.credential_epoch && may_sign_in(known));
    Ok((step, current.ok_or(Refusal::TemporaryTokenInvalid)?))
}

/// Somebody who gave both factors.
#[derive(Debug)]
pub struct Passed {
    /// The session.
    pub signed_in: SignedIn,
    /// How many recovery codes are left, when one was used.
    pub recovery_codes_left: Option<u32>,
}

/// Ends the second step with a code, and opens the session.
pub async fn verify(
    services: &Services,
    context: &RequestContext,
    token: &Secret<String>,
    typed: &TypedCode,
) -> Result<Passed, Error> {
    let (step, known) = waiting(services, token.expose(), StepPurpose::Verify).await?;
    let begun = Attempt::begin(services, context, &known, Place::SigningIn, typed).await;
    let attempt = begun.map_err(no_longer_waiting)?;
    let left = attempt.recovery_codes_left();
    let actor = Actor::person(&known.person);
    let trail = services.trail(context, &actor, passed(&known.person, left));
    let mails =
        left.map(|left| notices::mail(services, context, &known.person, News::RecoveryCodeUsed(left)));
    let spent = services
        .two_factor
        .spend_code(attempt.spending(), Some(step.token), trail, mails.unwrap_or_default())
        .await;
    attempt.settle(spent).await.map_err(no_longer_waiting)?;
    let signed_in = complete(services, context, known, step.device_id, Assurance::TwoFactor, None).await?;
    Ok(Passed { signed_in, recovery_codes_left: left })
}

/// What changed since the password was given makes the token worthless.
fn no_longer_waiting(error: Error) -> Error {
    match error {
        Error::Refused(Refusal::Conflict | Refusal::TwoFactorNotEnabled) => {
            Refusal::TemporaryTokenInvalid.into()
        }
        other => other,
    }
}

/// The event of a code that was right.
pub(super) fn passed(person: &Person, recovery_codes_left: Option<u32>) -> Happening {
    let resource = Resource::new("person", &*person.id).named(&*person.name);
    match recovery_codes_left {
        None => Happening::done(Action::AuthTwoFactorPassed, resource),
        Some(left) => Happening::done(Action::AuthRecoveryCodeUsed, resource).changing(Changes::new().field(
            "codes_left",
            json!(left + 1),
            json!(left),
        )),
    }
}
