//! Giving a second factor up, making new recovery codes, and an admin's reset.

use hardening::audit::{Action, Changes, Resource, Trail};
use hardening::password::normalise;
use hardening::secret::Secret;
use hardening::two_factor::{RecoveryCode, TypedCode};

use super::notices::{self, News};
use super::sign_in_step::passed;
use super::{Attempt, Place};
use crate::audit_trail::{Actor, Happening};
use crate::check_again::check_in_session;
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::model::Person;
use crate::outbox::Mail;
use crate::services::Services;

/// Removes one's own second factor, with password and code; every session ends.
pub async fn disable(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    password: &Secret<String>,
    typed: &TypedCode,
) -> Result<(), Error> {
    principal.require_fresh(services)?;
    let known = check_in_session(services, context, principal, normalise(password.expose())).await?;
    let attempt = Attempt::begin(services, context, &known, Place::Inside(principal), typed).await?;
    let disabled = Happening::done(Action::AuthTwoFactorDisabled, resource(&known.person))
        .changing(Changes::new().field("2fa_enabled", true, false));
    let (trail, mails) =
        told(services, context, principal, &known.person, &attempt, disabled, News::Disabled);
    let done = services.two_factor.disable(attempt.spending(), trail, mails).await;
    attempt.settle(done).await?;
    services.sessions.end_all_of(&known.person.id, None).await?;
    Ok(())
}

/// Replaces one's recovery codes, with password and code.
pub async fn regenerate_recovery_codes(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    password: &Secret<String>,
    typed: &TypedCode,
) -> Result<Vec<RecoveryCode>, Error> {
    principal.require_fresh(services)?;
    let known = check_in_session(services, context, principal, normalise(password.expose())).await?;
    let attempt = Attempt::begin(services, context, &known, Place::Inside(principal), typed).await?;
    let (codes, hashes) = services.second_factor.fresh_codes(&known.person.id, &*services.entropy);
    let replaced = Happening::done(Action::AuthRecoveryCodesRegenerated, resource(&known.person))
        .changing(Changes::new().redacted("recovery_codes"));
    let news = News::RecoveryCodesReplaced;
    let (trail, mails) = told(services, context, principal, &known.person, &attempt, replaced, news);
    let done = services.two_factor.replace_recovery_codes(attempt.spending(), &hashes, trail, mails).await;
    attempt.settle(done).await?;
    Ok(codes)
}

/// Spends a code where the password was given again.
pub(crate) async fn give_code_again(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    known: &crate::model::Credentials,
    typed: &TypedCode,
) -> Result<(), Error> {
    let attempt = Attempt::begin(services, context, known, Place::Inside(principal), typed).await?;
    let left = attempt.recovery_codes_left();
    let trail = services.trail(context, &Actor::principal(principal), passed(&known.person, left));
    let mails =
        left.map(|left| notices::mail(services, context, &known.person, News::RecoveryCodeUsed(left)));
    let spent =
        services.two_factor.spend_code(attempt.spending(), None, trail, mails.unwrap_or_default()).await;
    attempt.settle(spent).await
}

/// Trail and mails of a change that costs a code; one that costs a recovery code tells of that, too.
fn told(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person: &Person,
    attempt: &Attempt<'_>,
    happening: Happening,
    news: News,
) -> (Trail, Vec<Mail>) {
    let actor = Actor::principal(principal);
    let mut trail = services.trail(context, &actor, happening);
    let mut mails = Vec::new();
    if let Some(left) = attempt.recovery_codes_left() {
        trail = services.trail_and(trail, context, &actor, passed(person, Some(left)));
        mails = notices::mail(services, context, person, News::RecoveryCodeUsed(left));
    }
    mails.extend(notices::mail(services, context, person, news));
    (trail, mails)
}

/// What a reset removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// An active second factor: every session ended, and the person was told.
    Active,
    /// One that waited to be confirmed. It protected nothing yet, so nothing else changed.
    Waiting,
}

/// As an admin, removes the second factor of somebody who lost it; their sessions end. Where none is active, the one
/// that waits to be confirmed.
pub async fn reset(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<Removed, Error> {
    principal.require_fresh_admin(services)?;
    if person_id == principal.person_id() {
        return Err(Refusal::OwnSecondFactor.into());
    }
    let person =
        services.people.get(principal.org_id(), person_id).await?.ok_or(Refusal::NotFound("person"))?;
    reset_of(services, context, &Actor::principal(principal), &person).await
}

/// Removes a second factor without a code; the caller has checked who asks.
pub(super) async fn reset_of(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    person: &Person,
) -> Result<Removed, Error> {
    let reset = |what| {
        let changes = Changes::new().field(what, true, false);
        Happening::done(Action::AuthTwoFactorReset, resource(person)).changing(changes)
    };
    if !person.two_factor_enabled {
        let trail = services.trail(context, actor, reset("2fa_waiting"));
        services.two_factor.forget_enrolment(&person.id, trail).await?;
        return Ok(Removed::Waiting);
    }
    let trail = services.trail(context, actor, reset("2fa_enabled"));
    let mails = notices::mail(services, context, person, News::Reset);
    services.two_factor.reset(&person.id, services.clock.now(), trail, mails).await?;
    services.sessions.end_all_of(&person.id, None).await?;
    Ok(Removed::Active)
}

fn resource(person: &Person) -> Resource {
    Resource::new("person", &*person.id).named(&*person.name)
}
