//! What operators do for people's second factors at the command line. Audited as `cli:<os user>`.

use hardening::secret::Secret;
use hardening::two_factor::{TotpCode, TotpVerdict};

use super::enrol::{self, Offer};
use super::manage::{self, Removed};
use crate::audit_trail::Actor;
use crate::context::RequestContext;
use crate::error::{Error, Refusal};
use crate::model::Person;
use crate::operator::{context, find};
use crate::ports::Activation;
use crate::services::Services;

/// A second factor that waits to be activated.
#[derive(Debug)]
pub struct Begun {
    /// Whose.
    pub person: Person,
    /// What is shown once.
    pub offer: Offer,
    /// What the app shows now.
    pub current_code: Secret<String>,
    context: RequestContext,
    actor: Actor,
}

/// Makes a second factor for a person (the first admin when none is named). Refuses people with an active one.
pub async fn begin(services: &Services, os_user: &str, email: Option<&str>) -> Result<Begun, Error> {
    let person = find(services, email).await?;
    let (context, actor) = (context(services), Actor::operator(os_user, &person.org_id));
    let offer = enrol::store(services, &context, &actor, &person).await?;
    let current = services.second_factor.totp.code_at(&offer.secret, services.clock.now());
    Ok(Begun { person, offer, current_code: current.to_text(), context, actor })
}

/// Activates it, with the app's code or on the operator's word; the person's sessions end. False for a wrong code.
pub async fn activate(services: &Services, begun: &Begun, code: Option<&TotpCode>) -> Result<bool, Error> {
    let now = services.clock.now();
    let used_step =
        match code.map(|code| services.second_factor.totp.check(&begun.offer.secret, code, 0, now)) {
            None => 0,
            Some(TotpVerdict::Right(step)) => step,
            Some(_) => return Ok(false),
        };
    let person_id = &begun.person.id;
    let known = services.accounts.credentials_of(person_id).await?.ok_or(Refusal::NotFound("person"))?;
    let enrolment = services.two_factor.enrolment_of(person_id, now).await?;
    let activation = Activation {
        person_id: person_id.clone(),
        credential_epoch: known.credential_epoch,
        enrolment: enrolment.ok_or(Refusal::TwoFactorNotStarted)?,
        used_step,
        spent_step: None,
        at: now,
    };
    enrol::activate(services, &begun.context, &begun.actor, &begun.person, activation).await?;
    Ok(true)
}

/// Removes a person's second factor; their sessions end. Where none is active, the one that waits to be confirmed.
pub async fn reset(
    services: &Services,
    os_user: &str,
    email: Option<&str>,
) -> Result<(Person, Removed), Error> {
    let person = find(services, email).await?;
    let actor = Actor::operator(os_user, &person.org_id);
    let removed = manage::reset_of(services, &context(services), &actor, &person).await?;
    Ok((person, removed))
}
