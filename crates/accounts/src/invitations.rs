//! Invitations: mailed by admins, accepted by signing up with the mailed token.

use hardening::audit::{Action, Changes, Resource};
use hardening::entropy::new_id;
use hardening::one_time_token::{OneTimeToken, TokenHash};
use hardening::rate_limit::Per;
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::{Principal, RequestContext};
use crate::credential_check::{Counted, budgets, open_gate};
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::model::{ADMIN, Invitation, Page};
use crate::organizations;
use crate::outbox::{Content, Mail};
use crate::people;
use crate::services::Services;

/// The route whose limit applies.
pub const INVITATIONS_ROUTE: &str = "/api/invitations";

/// A page of invitations.
pub async fn list(services: &Services, principal: &Principal, page: &Page) -> Result<Vec<Invitation>, Error> {
    principal.require_admin()?;
    Ok(services.invitations.list(principal.org_id(), page).await?)
}

/// Invites somebody; the token goes by mail only. Inviting an admin needs a fresh session.
pub async fn invite(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    email: &str,
    roles: &[String],
) -> Result<Invitation, Error> {
    principal.require_admin()?;
    let mut judge = Judge::new();
    let email = judge.email("email", email);
    let roles = judge.roles("roles", roles);
    judge.verdict()?;
    let email = email.ok_or_else(|| Refusal::field("email", "is required"))?;
    if roles.iter().any(|role| role == ADMIN) {
        principal.require_fresh(services)?;
    }
    let actor = Actor::principal(principal);
    let counted = [Counted { per: Per::Org, identifier: principal.org_id() }];
    let gate = open_gate(services, context, &actor, budgets(services, INVITATIONS_ROUTE, &counted)).await?;
    gate.succeeded().await?;
    let now = services.clock.now();
    let invitation = Invitation {
        id: new_id("invitation", now, &*services.entropy),
        org_id: principal.org_id().to_owned(),
        email: email.typed,
        email_canonical: email.canonical,
        roles,
        status: "pending".to_owned(),
        invited_by: principal.person_id().to_owned(),
        created_at: now,
        expires_at: now + services.settings.invitation_ttl,
    };
    send(services, context, principal, &invitation).await?;
    Ok(invitation)
}

async fn send(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    invitation: &Invitation,
) -> Result<(), Error> {
    let organization = organizations::own(services, principal).await?;
    let inviter = people::me(services, principal).await?;
    let (token, hash) = OneTimeToken::generate(&*services.entropy);
    let mail = Mail {
        id: new_id("mail", invitation.created_at, &*services.entropy),
        person_id: None,
        recipient: invitation.email.clone(),
        language: inviter.language,
        content: Content::Invitation {
            invitation_token: token.expose().clone(),
            organization: organization.name,
            org_id: Some(invitation.org_id.clone()),
            invited_by: inviter.name,
        },
        expires_at: invitation.expires_at,
        link_expires_at: None,
        created_at: invitation.created_at,
    };
    let new =
        json!({ "email": invitation.email, "roles": invitation.roles, "expires_at": invitation.expires_at });
    let sent = Happening::done(Action::InvitationSent, resource(invitation)).changing(Changes::created(new));
    let trail = services.trail(context, &Actor::principal(principal), sent);
    services.invitations.create(invitation, &hash, trail, vec![mail]).await
}

/// Where a mailed invitation leads: the organization's name, while the link works. Spends nothing.
pub async fn organization_invited_to(services: &Services, token: &str) -> Result<Option<String>, Error> {
    let Some(hash) = TokenHash::of(token) else { return Ok(None) };
    let Some(invitation) = services.invitations.by_token(&hash, services.clock.now()).await? else {
        return Ok(None);
    };
    Ok(services.organizations.get(&invitation.org_id).await?.map(|organization| organization.name))
}

/// Withdraws a pending invitation.
pub async fn revoke(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    invitation_id: &str,
) -> Result<(), Error> {
    principal.require_admin()?;
    let before = services
        .invitations
        .get(principal.org_id(), invitation_id)
        .await?
        .filter(|invitation| invitation.status == "pending")
        .ok_or(Refusal::NotFound("invitation"))?;
    let changes = Changes::new().field("status", "pending", "revoked");
    let revoked = Happening::done(Action::InvitationRevoked, resource(&before)).changing(changes);
    let trail = services.trail(context, &Actor::principal(principal), revoked);
    services.invitations.revoke(&before, services.clock.now(), trail).await
}

fn resource(invitation: &Invitation) -> Resource {
    Resource::new("invitation", &*invitation.id).named(&*invitation.email)
}
