//! Listing and ending sessions: one's own, and as an admin those of others.
//!
//! The database learns first that a session is over, then the session store: if the second step fails, the
//! caller is told so, and every node's watcher ends the session a moment later all the same.

use hardening::audit::{Action, Resource};
use hardening::session::{Session, SessionId};

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::error::{Error, Refusal};
use crate::services::Services;

/// One's own live sessions, newest first.
pub async fn list_own(services: &Services, principal: &Principal) -> Result<Vec<Session>, Error> {
    Ok(services.sessions.list_of(principal.person_id(), services.clock.now()).await?)
}

/// Signs out: ends the session that asks.
pub async fn sign_out(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
) -> Result<(), Error> {
    end(services, context, principal, &[(*principal.session).clone()], Action::AuthLogout).await
}

/// Ends one of one's own sessions.
pub async fn end_own(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    id: &str,
) -> Result<(), Error> {
    let wanted = SessionId::parse(id).ok_or(Refusal::NotFound("session"))?;
    let own = list_own(services, principal).await?;
    let session = own.into_iter().find(|session| session.id == wanted).ok_or(Refusal::NotFound("session"))?;
    end(services, context, principal, &[session], Action::AuthSessionRevoked).await
}

/// Ends all of one's own sessions but the one that asks; returns how many.
pub async fn end_others(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
) -> Result<usize, Error> {
    let mut others = list_own(services, principal).await?;
    others.retain(|session| session.id != principal.session.id);
    if others.is_empty() {
        return Ok(0);
    }
    end(services, context, principal, &others, Action::AuthSessionRevoked).await?;
    Ok(others.len())
}

/// As an admin, ends every session of a person of the same organization.
pub async fn end_all_of(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    person_id: &str,
) -> Result<(), Error> {
    principal.require_admin()?;
    let person =
        services.people.get(principal.org_id(), person_id).await?.ok_or(Refusal::NotFound("person"))?;
    let done = Happening::done(
        Action::AuthSessionRevoked,
        Resource::new("person", &*person.id).named(&*person.name),
    );
    let trail = services.trail(context, &Actor::principal(principal), done);
    services.accounts.raise_epoch(&person.id, services.clock.now(), trail).await?;
    services.sessions.end_all_of(&person.id, None).await?;
    Ok(())
}

async fn end(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    sessions: &[Session],
    action: Action,
) -> Result<(), Error> {
    let actor = Actor::principal(principal);
    let happening =
        |session: &Session| Happening::done(action, Resource::new("session", session.id.as_str()));
    let Some((first, rest)) = sessions.split_first() else { return Ok(()) };
    let mut trail = services.trail(context, &actor, happening(first));
    for session in rest {
        trail = services.trail_and(trail, context, &actor, happening(session));
    }
    let ended: Vec<_> = sessions.iter().map(|session| (session.id.clone(), session.expires_at)).collect();
    services
        .accounts
        .record_ended_sessions(principal.person_id(), &ended, services.clock.now(), trail)
        .await?;
    for session in sessions {
        services.sessions.end(principal.person_id(), &session.id).await?;
    }
    Ok(())
}
