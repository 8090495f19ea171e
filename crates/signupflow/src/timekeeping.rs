//! Keeps the time that locks, tokens and sessions go by: PostgreSQL's, for all nodes alike; the machine's own with
//! the embedded database. Says so when clocks are wrong or step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backends::sql::{Database, SqlError};
use hardening::shared_clock::{Findings, Look, SharedClock};

/// How often the database's time is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A node's clock further off is worth a warning: one-time codes of its people come from right clocks.
const WORTH_TELLING: time::Duration = time::Duration::seconds(2);

/// Looks at the database's time, twice, because the first look also prepares the question.
///
/// # Errors
/// When the database does not answer.
pub async fn set(clock: &SharedClock, database: &Database) -> Result<(), SqlError> {
    look(clock, database).await?;
    look(clock, database).await?;
    Ok(())
}

/// Follows the database's time for ever.
pub async fn keep(clock: Arc<SharedClock>, database: Database) {
    let mut warnings = Warnings::default();
    loop {
        // A database that is away is noticed, and told of, elsewhere.
        if let Ok(found) = look(&clock, &database).await {
            warnings.tell(&found);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(clock: &SharedClock, database: &Database) -> Result<Findings, SqlError> {
    let asked = Instant::now();
    let store = database.time().await?;
    let found = clock.learn(&Look { asked, answered: Instant::now(), store });
    metrics::gauge!("signupflow_clock_ahead_seconds").set(found.ahead.as_seconds_f64());
    Ok(found)
}

#[derive(Default)]
struct Warnings {
    told_of_skew: bool,
}

impl Warnings {
    fn tell(&mut self, found: &Findings) {
        for sentence in self.sentences(found) {
            tracing::warn!("{sentence}");
        }
    }

    fn sentences(&mut self, found: &Findings) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(step) = found.store_stepped {
            sentences
                .push(format!("the database's clock stepped {}: locks and expiries follow it", moved(step)));
        }
        if let Some(step) = found.own_stepped {
            sentences.push(format!("this machine's clock stepped {}", moved(step)));
        }
        let skewed = found.ahead.abs() > WORTH_TELLING;
        if skewed && !self.told_of_skew {
            let seconds = found.ahead.abs().as_seconds_f64();
            let side = if found.ahead.is_positive() { "ahead of" } else { "behind" };
            sentences.push(format!(
                "this machine's clock is {seconds:.1} s {side} the database's, which everything goes by: have it set"
            ));
        }
        self.told_of_skew = skewed;
        sentences
    }
}

fn moved(step: time::Duration) -> String {
    let direction = if step.is_negative() { "back" } else { "forward" };
    format!("{direction} by {:.1} s", step.abs().as_seconds_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(store: Option<i64>, own: Option<i64>, ahead: i64) -> Findings {
        Findings {
            store_stepped: store.map(time::Duration::seconds),
            own_stepped: own.map(time::Duration::seconds),
            ahead: time::Duration::seconds(ahead),
        }
    }

    #[test]
    fn steps_and_wrong_clocks_are_told_once_each() {
        let mut warnings = Warnings::default();
        assert!(warnings.sentences(&found(None, None, 2)).is_empty());
        let skew = warnings.sentences(&found(None, None, -600));
        assert!(skew.len() == 1 && skew[0].contains("600.0 s behind"), "{skew:?}");
        assert!(warnings.sentences(&found(None, None, -600)).is_empty(), "told already");
        assert!(warnings.sentences(&found(None, None, 0)).is_empty());
        assert!(warnings.sentences(&found(None, None, 600))[0].contains("ahead of"), "told again");
        let steps = warnings.sentences(&found(Some(-605), Some(90), 0));
        assert!(steps[0].contains("database's clock stepped back by 605.0 s"), "{steps:?}");
        assert!(steps[1].contains("machine's clock stepped forward by 90.0 s"), "{steps:?}");
    }
}
