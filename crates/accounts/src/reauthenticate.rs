//! Giving the password again, so that the session counts as fresh for sensitive acts (ASVS 5.0, 7.5.3).

use hardening::audit::{Action, Resource};
use hardening::password::normalise;
use hardening::secret::Secret;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::credential_check::check_in_session;
use crate::error::{Error, Refusal};
use crate::services::Services;

/// Checks the password and marks the session as fresh.
pub async fn reauthenticate(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    password: &Secret<String>,
) -> Result<(), Error> {
    check_in_session(services, context, principal, normalise(password.expose())).await?;
    let now = services.clock.now();
    let done =
        Happening::done(Action::AuthReauthenticated, Resource::new("session", principal.session.id.as_str()));
    services.audit.append(services.trail(context, &Actor::principal(principal), done)).await?;
    let marked =
        services.sessions.mark_authenticated(principal.person_id(), &principal.session.id, now).await?;
    if marked { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
}
