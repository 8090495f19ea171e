//! Looking at a link, and setting the new password with it.

use hardening::audit::{Action, Changes, Resource};
use hardening::email::EmailAddress;
use hardening::lockout::{Budget, Reservation};
use hardening::one_time_token::TokenHash;
use hardening::rate_limit::Per;
use hardening::secret::Secret;

use super::CONFIRM_ROUTE;
use crate::audit_trail::{Actor, Happening};
use crate::change_password::{judge_and_hash, not_me_mail};
use crate::context::RequestContext;
use crate::credential_check::{Counted, LOGIN_ROUTE, budgets, locked_out, open_gate, settle};
use crate::error::{Error, Refusal};
use crate::lockouts::{drop_from_gate, key_of};
use crate::model::{Credentials, Lock};
use crate::ports::{FailedSignIn, PasswordReset};
use crate::services::Services;
use crate::sign_in::may_sign_in;

/// What somebody presents as a link, and what is known of it.
struct Presented {
    /// None when it has not even the form of a token.
    hash: Option<TokenHash>,
    /// Whose it is, also when it is used or has expired.
    owner: Option<Credentials>,
    is_live: bool,
}

impl Presented {
    async fn look_up(services: &Services, token: &str) -> Result<Self, Error> {
        let nothing = |hash| Self { hash, owner: None, is_live: false };
        let Some(hash) = TokenHash::of(token) else { return Ok(nothing(None)) };
        let link = services.password_resets.known_link(&hash, services.clock.now()).await?;
        let Some(link) = link else { return Ok(nothing(Some(hash))) };
        let owner = services.accounts.credentials_of(&link.person_id).await?;
        Ok(Self { hash: Some(hash), owner, is_live: link.is_live })
    }

    /// The link and its owner, if it can be spent.
    fn usable(&self) -> Option<(TokenHash, &Credentials)> {
        let owner = self.owner.as_ref().filter(|owner| self.is_live && may_sign_in(owner))?;
        Some((self.hash?, owner))
    }

    fn actor(&self) -> Actor {
        self.owner.as_ref().map_or_else(|| Actor::anonymous(""), |owner| Actor::person(&owner.person))
    }

    fn resource(&self) -> Resource {
        match &self.owner {
            Some(owner) => Resource::new("person", &*owner.person.id).named(&*owner.person.name),
            None => Resource::new("reset_link", "unknown"),
        }
    }

    /// A link that was never mailed is counted per network address only: nobody may fill the memory with made-up ones.
    fn budgets(&self, services: &Services, context: &RequestContext) -> Vec<Budget> {
        let link = self.hash.filter(|_| self.owner.is_some()).map(TokenHash::to_hex);
        let mut counted = vec![Counted { per: Per::Ip, identifier: &context.address_bucket }];
        counted.extend(link.as_deref().map(|identifier| Counted { per: Per::Token, identifier }));
        budgets(services, CONFIRM_ROUTE, &counted)
    }
}

/// For a link that works, the address it was mailed to, masked. Spends and counts nothing.
pub async fn masked_address_of(services: &Services, token: &str) -> Result<Option<String>, Error> {
    let presented = Presented::look_up(services, token).await?;
    let address = presented.usable().and_then(|(_, owner)| owner.person.email.clone());
    Ok(address.and_then(|typed| EmailAddress::parse(&typed).ok()).map(|email| email.masked()))
}

/// Spends the link and sets the password. A refused link counts as a failure, a refused password does not.
pub async fn confirm(
    services: &Services,
    context: &RequestContext,
    token: &Secret<String>,
    new_password: &Secret<String>,
) -> Result<(), Error> {
    let presented = Presented::look_up(services, token.expose()).await?;
    let wanted = presented.budgets(services, context);
    let reservation = open_gate(services, context, &presented.actor(), wanted).await?;
    let Some((hash, owner)) = presented.usable() else {
        return Err(refused(services, context, &presented, reservation).await);
    };
    let new_hash = match judge_and_hash(services, owner, new_password).await {
        Ok(new_hash) => new_hash,
        Err(error) => {
            reservation.withdrawn().await;
            return Err(error);
        }
    };
    match store(services, context, owner, hash, new_hash).await {
        Ok(lifted) => {
            services.sessions.end_all_of(&owner.person.id, None).await?;
            settle(context, reservation, true).await?;
            drop_from_gate(services, &lifted, services.clock.now()).await?;
            Ok(services.gate.clear(&strangers_budget(services, owner)).await?)
        }
        // Somebody else was faster.
        Err(Error::Refused(Refusal::TokenInvalid)) => {
            Err(refused(services, context, &presented, reservation).await)
        }
        Err(other) => {
            reservation.withdrawn().await;
            Err(other)
        }
    }
}

/// Failures with the old password say nothing about the new one.
fn strangers_budget(services: &Services, owner: &Credentials) -> Vec<String> {
    let Some(key) = key_of(&owner.person) else { return Vec::new() };
    let counted = [Counted { per: Per::Account, identifier: &key }];
    budgets(services, LOGIN_ROUTE, &counted).into_iter().map(|budget| budget.key).collect()
}

async fn store(
    services: &Services,
    context: &RequestContext,
    owner: &Credentials,
    hash: TokenHash,
    new_hash: String,
) -> Result<Vec<String>, Error> {
    let person = &owner.person;
    let reset =
        Happening::done(Action::AuthPasswordReset, Resource::new("person", &*person.id).named(&*person.name))
            .changing(Changes::new().redacted("password"));
    let trail = services.trail(context, &Actor::person(person), reset);
    let (notice, mail) = not_me_mail(services, context, person).unzip();
    let change = PasswordReset {
        hash,
        person_id: person.id.clone(),
        new_hash,
        account_key: key_of(person),
        notice,
        at: services.clock.now(),
    };
    services.password_resets.redeem_link(change, trail, mail.into_iter().collect()).await
}

/// Counts a refused link, and puts it on record with the locks it led to.
async fn refused(
    services: &Services,
    context: &RequestContext,
    presented: &Presented,
    reservation: Reservation,
) -> Error {
    match count_refused(services, context, presented, reservation).await {
        Ok(()) => Refusal::TokenInvalid.into(),
        Err(error) => error,
    }
}

async fn count_refused(
    services: &Services,
    context: &RequestContext,
    presented: &Presented,
    reservation: Reservation,
) -> Result<(), Error> {
    let settled = settle(context, reservation, false).await?;
    let now = services.clock.now();
    let (actor, resource) = (presented.actor(), presented.resource());
    let why = "the link was used, has expired, or was never mailed";
    let refused = Happening::refused(Action::AuthPasswordReset, resource.clone(), why);
    let mut trail = services.trail(context, &actor, refused);
    let mut locks = Vec::new();
    for (budget, until) in settled.locked {
        let why = format!("{} refused reset links, counted per {}", budget.limit, budget.scope.label());
        let changes = Changes::new().field("locked_until", serde_json::Value::Null, until.to_string());
        let (actor, resource) = locked_out(context, &budget, &actor, &resource);
        let locked = Happening::refused(Action::AuthAccountLocked, resource, why).changing(changes);
        trail = services.trail_and(trail, context, &actor, locked);
        locks.push(Lock {
            kind: budget.scope.label().to_owned(),
            org_id: None,
            person_id: None,
            subject: match budget.scope {
                Per::Ip => context.address_bucket.clone(),
                _ => "reset link".to_owned(),
            },
            failures: budget.limit,
            locked_at: now,
            locked_until: until,
            key: budget.key,
        });
    }
    let change = FailedSignIn {
        person_id: presented.owner.as_ref().map(|owner| owner.person.id.clone()),
        account_key: None,
        locks,
        unlock_grant: None,
        raise_epoch: false,
        at: now,
    };
    services.accounts.record_failed_sign_in(change, trail, Vec::new()).await
}
