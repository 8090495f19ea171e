//! The mail that goes with a sign-in from a device that was not known. Signing up makes its device known without one.

use hardening::entropy::new_id;
use hardening::one_time_token::{OneTimeToken, Purpose};

use crate::context::RequestContext;
use crate::model::Person;
use crate::outbox::{Content, Mail};
use crate::ports::OneTimeGrant;
use crate::services::Services;

/// The mail, if the person has an address, and the grant behind its "this wasn't me" link.
pub(crate) fn notice(
    services: &Services,
    context: &RequestContext,
    person: &Person,
) -> (Option<OneTimeGrant>, Vec<Mail>) {
    let Some(recipient) = person.email.clone() else { return (None, Vec::new()) };
    let now = services.clock.now();
    let expires_at = now + services.settings.mailed_link_ttl;
    let (token, hash) = OneTimeToken::generate(&*services.entropy);
    let grant = OneTimeGrant {
        hash,
        purpose: Purpose::NotMe,
        person_id: person.id.clone(),
        created_at: now,
        expires_at,
    };
    let client = context.client();
    let mail = Mail {
        id: new_id("mail", now, &*services.entropy),
        person_id: Some(person.id.clone()),
        recipient,
        language: person.language.clone(),
        content: Content::NewDevice {
            not_me_token: token.expose().clone(),
            browser: client.browser,
            system: client.os,
            ip_address: context.ip_address.clone(),
        },
        expires_at,
        created_at: now,
    };
    (Some(grant), vec![mail])
}
