//! Mails: stored with the change that causes them, rendered and delivered off the request's path.
//!
//! * A mail waits in the database until it is delivered, not worth sending any more, or given up; it is claimed for
//!   a while by one node at a time. A node that dies between delivery and settling sends it twice at most, with the
//!   same Message-ID.
//! * What may pass (no connection, a 4xx answer) is tried again for about three days, ever less often. What is
//!   refused for good is given up at once.
//! * News outlive the link in them: once it is dead they go out without it. Mail that is nothing but a link is dropped
//!   with it.
//! * A mail that is given up keeps its content while it is worth sending, so that `signupflow mail retry` can.

mod content;
mod give_up;
mod letter;
pub mod operate;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::StreamExt as _;
use hardening::entropy::Entropy;

use crate::error::Error;
use crate::ports::{DueMail, MailStatus, Mailer, Undelivered};
use crate::services::Services;

pub use content::{Content, Mail};
pub use letter::RenderedMail;

/// How long a claimed message is hidden from other nodes. Longer than an attempt may take.
const CLAIM_LEASE: Duration = Duration::from_mins(1);
/// Within this a [`Mailer`] must have delivered a message or have failed to.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(45);
/// How many messages a node hands over at once.
pub const AT_ONCE: usize = 8;
/// How long news of an account are worth sending: over all attempts, and while an operator may have one sent again.
pub(crate) const NEWS_WORTH_SENDING: Duration = Duration::from_hours(7 * 24);
/// Attempts before a message is given up: with the waits below, about three days.
const MAX_ATTEMPTS: u32 = 23;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_hours(6);

/// What became of the messages of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Handed over.
    pub delivered: usize,
    /// To be tried again.
    pub postponed: usize,
    /// Not worth sending any more.
    pub expired: usize,
    /// Given up.
    pub dead: usize,
}

impl Round {
    /// Adds one.
    pub fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Delivered => self.delivered += 1,
            Fate::Postponed => self.postponed += 1,
            Fate::Expired => self.expired += 1,
            Fate::Dead => self.dead += 1,
        }
    }

    /// How many messages there were.
    pub const fn total(&self) -> usize {
        self.delivered + self.postponed + self.expired + self.dead
    }
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Handed over.
    Delivered,
    /// To be tried again.
    Postponed,
    /// Not worth sending any more.
    Expired,
    /// Given up.
    Dead,
}

/// Delivers what is due, once; returns how many messages were handed over.
pub async fn deliver_due(services: &Services, mailer: &dyn Mailer) -> Result<usize, Error> {
    deliver_round(services, mailer).await.map(|round| round.delivered)
}

/// Delivers up to eight due messages at once, and tells what became of them when all have ended. A server goes on
/// claiming while some are under way instead, so that one that hangs holds up no other.
pub async fn deliver_round(services: &Services, mailer: &dyn Mailer) -> Result<Round, Error> {
    let due = claim(services, AT_ONCE).await?;
    let attempts = due.into_iter().map(|message| deliver_one(services, mailer, message));
    let mut attempts = futures_util::stream::iter(attempts).buffer_unordered(AT_ONCE);
    let (mut round, mut fault) = (Round::default(), None);
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(fate) => round.count(fate),
            // The others of this round are still to be settled; this one comes back when its claim ends.
            Err(error) => fault = Some(error),
        }
    }
    fault.map_or(Ok(round), Err)
}

/// Takes up to `limit` due messages for this node. Each is to go to [`deliver_one`] at once: other nodes may take it
/// again after a minute.
pub async fn claim(services: &Services, limit: usize) -> Result<Vec<DueMail>, Error> {
    let (now, limit) = (services.clock.now(), u32::try_from(limit).unwrap_or(u32::MAX));
    Ok(services.outbox.claim(limit, now, now + CLAIM_LEASE).await?)
}

/// Hands one claimed message over, and settles it.
pub async fn deliver_one(services: &Services, mailer: &dyn Mailer, due: DueMail) -> Result<Fate, Error> {
    let now = services.clock.now();
    if now >= due.mail.expires_at {
        services.outbox.settle(&due.id, MailStatus::Expired, None, now).await?;
        return Ok(Fate::Expired);
    }
    let rendered = due.mail.render(&services.settings.public_url, now);
    match mailer.deliver(&due.id, &rendered).await {
        Ok(()) => {
            services.outbox.settle(&due.id, MailStatus::Delivered, None, services.clock.now()).await?;
            Ok(Fate::Delivered)
        }
        Err(Undelivered::Refused(answer)) => give_up::give_up(services, &due, &rendered, &answer).await,
        Err(Undelivered::Later(answer)) if due.attempts + 1 >= MAX_ATTEMPTS => {
            give_up::give_up(services, &due, &rendered, &answer).await
        }
        Err(Undelivered::Later(answer)) => {
            let now = services.clock.now();
            let until = now + wait_after(due.attempts, &*services.entropy);
            services.outbox.postpone(&due.id, until, &answer, now).await?;
            Ok(Fate::Postponed)
        }
    }
}

/// 10 s, 20 s, 40 s … at most six hours, each up to a fifth longer, so that what failed together does not come
/// back together.
fn wait_after(attempts: u32, entropy: &dyn Entropy) -> Duration {
    let seconds = 10u64.saturating_mul(1u64 << attempts.min(20));
    let wait = Duration::from_secs(seconds).min(LONGEST_WAIT);
    let mut byte = [0];
    entropy.fill(&mut byte);
    wait + wait.mul_f64(f64::from(byte[0]) / 256.0 / 5.0)
}
