//! A single-use link and the mail that carries it: made together, stored together.

use std::time::Duration;

use hardening::entropy::new_id;
use hardening::one_time_token::{OneTimeToken, Purpose};

use crate::model::Person;
use crate::outbox::{Content, Mail, NEWS_WORTH_SENDING};
use crate::ports::OneTimeGrant;
use crate::services::Services;

/// A grant for `lifetime` from now and the mail with its token, in the person's language; none for somebody without an
/// address. `content` takes the token. Only a reset's mail dies with its link; others go out without it.
pub(crate) fn mailed_link(
    services: &Services,
    person: &Person,
    purpose: Purpose,
    lifetime: Duration,
    content: impl FnOnce(String) -> Content,
) -> Option<(OneTimeGrant, Mail)> {
    let recipient = person.email.clone()?;
    let now = services.clock.now();
    let expires_at = now + lifetime;
    // Whoever asked for a reset can ask again; what happened to an account is told however late.
    let is_news = purpose != Purpose::PasswordReset;
    let (token, hash) = OneTimeToken::generate(&*services.entropy);
    let grant = OneTimeGrant { hash, purpose, person_id: person.id.clone(), created_at: now, expires_at };
    let mail = Mail {
        id: new_id("mail", now, &*services.entropy),
        person_id: Some(person.id.clone()),
        recipient,
        language: person.language.clone(),
        content: content(token.expose().clone()),
        expires_at: if is_news { now + NEWS_WORTH_SENDING } else { expires_at },
        link_expires_at: is_news.then_some(expires_at),
        created_at: now,
    };
    Some((grant, mail))
}
