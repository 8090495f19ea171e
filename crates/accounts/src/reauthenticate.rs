//! Giving the password again, and a code where there is a second factor, so that the session counts as fresh for sensitive acts (ASVS 5.0, 7.5.3).

use hardening::audit::{Action, Resource};
use hardening::password::normalise;
use hardening::secret::Secret;
use hardening::two_factor::TypedCode;

use crate::audit_trail::{Actor, Happening};
use crate::check_again::check_in_session;
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::services::Services;
use crate::two_factor::manage::give_code_again;

/// Checks the password, and the code of people who have a second factor, and marks the session as fresh.
pub async fn reauthenticate(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    password: &Secret<String>,
    code: Option<&TypedCode>,
) -> Result<(), Error> {
    let known = check_in_session(services, context, principal, normalise(password.expose())).await?;
    match (known.person.two_factor_enabled, code) {
        (true, Some(code)) => give_code_again(services, context, principal, &known, code).await?,
        (true, None) => {
            let needed = "is required: your account has a second factor";
            return Err(Refusal::field("code", needed).into());
        }
        (false, Some(_)) => {
            return Err(Refusal::field("code", "this account has no second factor").into());
        }
        (false, None) => {}
    }
    let now = services.clock.now();
    let done =
        Happening::done(Action::AuthReauthenticated, Resource::new("session", principal.session.id.as_str()));
    services.audit.append(services.trail(context, &Actor::principal(principal), done)).await?;
    let marked =
        services.sessions.mark_authenticated(principal.person_id(), &principal.session.id, now).await?;
    if marked { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
}
