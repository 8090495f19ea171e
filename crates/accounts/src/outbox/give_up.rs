//! Mails that cannot be delivered: put aside, recorded, and told to the admins of the organization.

use hardening::audit::{Action, Changes, Resource, SYSTEM_ORGANIZATION};
use hardening::entropy::new_id;
use serde_json::json;

use super::{Content, Fate, Mail, NEWS_WORTH_SENDING, RenderedMail};
use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::error::{Error, Refusal};
use crate::ports::DueMail;
use crate::services::Services;

/// No more admins than this are told.
const ADMINS_TOLD: u32 = 10;
/// The longest part of a mail server's answer in a mail, in characters.
const ANSWER_SHOWN: usize = 300;

/// Puts a message aside for good.
pub(super) async fn give_up(
    services: &Services,
    due: &DueMail,
    rendered: &RenderedMail,
    answer: &str,
) -> Result<Fate, Error> {
    let org_id = organization_of(services, &due.mail).await?;
    let notices = match &org_id {
        // News of news would never end.
        Some(org_id) if !matches!(due.mail.content, Content::Undeliverable { .. }) => {
            notices(services, &due.mail, org_id, rendered, answer).await?
        }
        _ => Vec::new(),
    };
    let actor = Actor::server(org_id.as_deref().unwrap_or(SYSTEM_ORGANIZATION));
    let attempts = due.attempts + 1;
    let changes = Changes::new()
        .field("status", "waiting", "dead")
        .field("kind", serde_json::Value::Null, due.mail.content.kind())
        .field("person_id", serde_json::Value::Null, json!(due.mail.person_id))
        .field("attempts", serde_json::Value::Null, json!(attempts));
    // The answer may hold the address, and what is in the trail stays.
    let happening =
        Happening::refused(Action::MailUndeliverable, Resource::new("mail", &*due.id), "given up")
            .changing(changes);
    let context = RequestContext::new("", "", "", None);
    let trail = services.trail(&context, &actor, happening);
    match services.outbox.bury(&due.id, answer, services.clock.now(), trail, notices).await {
        // Another node was faster.
        Ok(()) | Err(Error::Refused(Refusal::Conflict)) => Ok(Fate::Dead),
        Err(other) => Err(other),
    }
}

async fn organization_of(services: &Services, mail: &Mail) -> Result<Option<String>, Error> {
    if let Content::Invitation { org_id, .. } = &mail.content {
        return Ok(org_id.clone());
    }
    let Some(person_id) = &mail.person_id else { return Ok(None) };
    let known = services.accounts.credentials_of(person_id).await?;
    Ok(known.map(|known| known.person.org_id))
}

async fn notices(
    services: &Services,
    failed: &Mail,
    org_id: &str,
    rendered: &RenderedMail,
    answer: &str,
) -> Result<Vec<Mail>, Error> {
    let now = services.clock.now();
    let admins = services.people.active_admins(org_id, ADMINS_TOLD).await?;
    let others = admins.into_iter().filter(|admin| failed.person_id.as_ref() != Some(&admin.id));
    let mails = others.filter_map(|admin| {
        Some(Mail {
            id: new_id("mail", now, &*services.entropy),
            person_id: Some(admin.id),
            recipient: admin.email?,
            language: admin.language,
            content: Content::Undeliverable {
                recipient: failed.recipient.clone(),
                subject: rendered.subject.clone(),
                answer: answer.chars().take(ANSWER_SHOWN).collect(),
            },
            expires_at: now + NEWS_WORTH_SENDING,
            link_expires_at: None,
            created_at: now,
        })
    });
    Ok(mails.collect())
}
