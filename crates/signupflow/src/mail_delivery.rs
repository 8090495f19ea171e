//! Waiting mail is delivered in the background, and what is waiting is measured.

use std::sync::Arc;
use std::time::Duration;

use accounts::outbox::{self, AT_ONCE, Fate, Round};
use accounts::ports::Mailer;
use accounts::{Error, Services};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

/// How often waiting mail is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what is waiting is counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// So many waiting mails are worth a warning: the mail server does not keep up, or takes none.
const MANY: u64 = 1000;
/// A mail that waits so long is worth a warning.
const LONG: Duration = Duration::from_mins(15);

/// Delivers waiting mail for ever. Messages are claimed while others are under way: one that the mail server keeps
/// waiting takes one place of several, and holds up no other.
pub async fn deliver(services: Arc<Services>, mailer: Arc<dyn Mailer>) {
    let mut under_way = FuturesUnordered::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut more_is_due = false;
    loop {
        tokio::select! {
            _ = look.tick() => {}
            Some(outcome) = under_way.next() => {
                count(outcome);
                // Not for each: one question to the database takes several.
                if !more_is_due || under_way.len() > AT_ONCE / 2 {
                    continue;
                }
            }
        }
        let free = AT_ONCE - under_way.len();
        if free == 0 {
            continue;
        }
        let claimed = outbox::claim(&services, free).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for waiting mail");
            Vec::new()
        });
        more_is_due = claimed.len() == free;
        under_way.extend(claimed.into_iter().map(|due| outbox::deliver_one(&services, &*mailer, due)));
    }
}

fn count(outcome: Result<Fate, Error>) {
    let mut round = Round::default();
    match outcome {
        Ok(fate) => round.count(fate),
        // It comes back when its claim ends.
        Err(error) => tracing::warn!(%error, "what became of a mail cannot be stored"),
    }
    let counted = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    metrics::counter!("signupflow_mails_delivered_total").increment(counted(round.delivered));
    metrics::counter!("signupflow_mail_attempts_failed_total")
        .increment(counted(round.postponed + round.dead));
    metrics::counter!("signupflow_mails_expired_total").increment(counted(round.expired));
    metrics::counter!("signupflow_mails_given_up_total").increment(counted(round.dead));
    if round.dead > 0 {
        tracing::warn!(mails = round.dead, "mails were given up; see `signupflow mail list --status dead`");
    }
}

/// Counts what is waiting for ever, and warns when it is much or old.
pub async fn watch_backlog(services: Arc<Services>) {
    let mut is_told = false;
    loop {
        match services.outbox.backlog().await {
            Ok(backlog) => {
                let age = backlog.oldest.map_or(Duration::ZERO, |oldest| services.clock.now().since(oldest));
                #[expect(clippy::cast_precision_loss, reason = "nobody has so many mails")]
                let gauge = |number: u64| number as f64;
                metrics::gauge!("signupflow_mails_waiting").set(gauge(backlog.waiting));
                metrics::gauge!("signupflow_mails_dead").set(gauge(backlog.dead));
                metrics::gauge!("signupflow_mail_oldest_waiting_seconds").set(age.as_secs_f64());
                let is_much = backlog.waiting >= MANY || age >= LONG;
                if is_much && !is_told {
                    tracing::warn!(waiting = backlog.waiting, oldest_s = age.as_secs(), "mail is held up");
                }
                is_told = is_much;
            }
            Err(error) => tracing::warn!(%error, "cannot count waiting mail"),
        }
        tokio::time::sleep(COUNT_EVERY).await;
    }
}
