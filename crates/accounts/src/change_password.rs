//! Replacing the password: every other session, every known device and the old token are gone.

use hardening::audit::{Action, Changes, Resource};
use hardening::one_time_token::Purpose;
use hardening::password::normalise;
use hardening::secret::Secret;

use crate::audit_trail::{Actor, Happening};
use crate::check_again::check_in_session;
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::lockouts::{drop_from_gate, key_of};
use crate::mailed_link::mailed_link;
use crate::model::{Credentials, Person};
use crate::outbox::{Content, Mail};
use crate::ports::{OneTimeGrant, SuccessfulSignIn};
use crate::services::Services;
use crate::sign_in::{SignedIn, open_session, record_sign_in};
use crate::sign_up::check_new_password;

/// Replaces the password of the person who is signed in; answers with a new session.
pub async fn change_password(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    old_password: &Secret<String>,
    new_password: &Secret<String>,
) -> Result<SignedIn, Error> {
    let known = check_in_session(services, context, principal, normalise(old_password.expose())).await?;
    let new_hash = judge_and_hash(services, &known, new_password).await?;
    let locked = services.accounts.lock_keys_of(principal.person_id()).await?;
    let (epoch, device_epoch) = store(services, context, principal, &known, &new_hash).await?;
    services.sessions.end_all_of(principal.person_id(), None).await?;
    drop_from_gate(services, &locked, services.clock.now()).await?;

    let known = Credentials { credential_epoch: epoch, device_epoch, ..known };
    // The password was replaced inside this session: how sure we are of the person stays.
    let opened = open_session(services, context, &known, None, principal.session.assurance).await?;
    let change = SuccessfulSignIn {
        person_id: known.person.id.clone(),
        credential_epoch: epoch,
        upgraded_hash: None,
        forgives_account_key: None,
        displaced: opened.displaced_until(),
        not_me_grant: None,
        at: services.clock.now(),
    };
    record_sign_in(services, context, change, opened, known.person, Vec::new()).await
}

/// Judges a password that replaces another, and hashes it.
pub(crate) async fn judge_and_hash(
    services: &Services,
    known: &Credentials,
    new_password: &Secret<String>,
) -> Result<String, Error> {
    let new_password = normalise(new_password.expose());
    let email = known.person.email.as_deref().unwrap_or_default();
    let about = [email, &known.person.name, &known.organization_name];
    check_new_password(services, &new_password, &about).await.map_err(|error| match error {
        Error::Refused(Refusal::InvalidInput(mut errors)) => {
            let sentences = errors.remove("password").unwrap_or_default();
            Refusal::InvalidInput([("new_password".to_owned(), sentences)].into()).into()
        }
        other => other,
    })?;
    Ok(services.hashing.hash(new_password).await.map_err(|_busy| Refusal::Busy)?)
}

async fn store(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    known: &Credentials,
    new_hash: &str,
) -> Result<(i64, i64), Error> {
    let now = services.clock.now();
    let changed = Happening::done(
        Action::AuthPasswordChanged,
        Resource::new("person", principal.person_id()).named(&*known.person.name),
    )
    .changing(Changes::new().redacted("password"));
    let trail = services.trail(context, &Actor::principal(principal), changed);
    let key = key_of(&known.person);
    let (grant, mail) = not_me_mail(services, context, &known.person).unzip();
    services
        .accounts
        .replace_password(
            principal.person_id(),
            known.credential_epoch,
            new_hash,
            key.as_deref(),
            grant,
            now,
            trail,
            mail.into_iter().collect(),
        )
        .await
}

/// The mail that tells of a new password, with the link that locks the account.
pub(crate) fn not_me_mail(
    services: &Services,
    context: &RequestContext,
    person: &Person,
) -> Option<(OneTimeGrant, Mail)> {
    let lifetime = services.settings.mailed_link_ttl;
    mailed_link(services, person, Purpose::NotMe, lifetime, |not_me_token| Content::PasswordChanged {
        not_me_token,
        ip_address: context.ip_address.clone(),
    })
}
