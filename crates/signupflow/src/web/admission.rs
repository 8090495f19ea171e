//! A bounded number of credential checks at once, admitted before they touch the database: a stampede of
//! sign-ins must not take the connections that people who are signed in need.
//!
//! * Turns are taken in order of arrival; who has waited two seconds gets 503 `busy` with `Retry-After`,
//!   and was counted against nobody.
//! * The request's body has been read by then: a slow client holds no place.
//! * A place is held until the work has ended, also when the client hangs up meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accounts::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::refusals::{Answer, Outcome};
use super::run_to_end::run_to_end;
use super::state::AppState;

/// How long a credential check waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The places. Clones share them.
#[derive(Clone, Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    /// In percent of the longest wait.
    last_wait: Arc<AtomicUsize>,
}

impl Admission {
    /// At most `places` (at least one) credential checks at once.
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.max(1))), last_wait: Arc::default() }
    }

    /// How long whoever came last waited for a turn, in percent of the longest wait; 0 while there are places.
    pub fn load_percent(&self) -> usize {
        if self.places.available_permits() > 0 { 0 } else { self.last_wait.load(Ordering::Relaxed) }
    }

    async fn run_to_end<T, E>(&self, work: impl Future<Output = Result<T, E>> + Send + 'static) -> Outcome<T>
    where
        T: Send + 'static,
        E: Into<Answer> + Send + 'static,
    {
        let place = self.place().await?;
        run_to_end(async move {
            let outcome = work.await;
            drop(place);
            outcome
        })
        .await
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let begun = Instant::now();
        let turn = tokio::time::timeout(LONGEST_WAIT, self.places.clone().acquire_owned()).await;
        let percent = begun.elapsed().as_millis() * 100 / LONGEST_WAIT.as_millis();
        self.last_wait.store(usize::try_from(percent).unwrap_or(100), Ordering::Relaxed);
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            metrics::counter!("signupflow_credential_checks_shed_total").increment(1);
            Refusal::Busy
        })
    }
}

/// Runs a credential check when its turn comes, as [`run_to_end`] does.
pub async fn admitted<T, E>(
    state: &AppState,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Outcome<T>
where
    T: Send + 'static,
    E: Into<Answer> + Send + 'static,
{
    state.admission.run_to_end(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_sent_away() {
        let admission = Admission::new(1);
        let held = admission.place().await.expect("the first has a place");
        let begun = Instant::now();
        assert_eq!(admission.place().await.err(), Some(Refusal::Busy));
        assert_eq!(begun.elapsed(), LONGEST_WAIT);
        assert_eq!(admission.load_percent(), 100);
        drop(held);
        assert_eq!(admission.load_percent(), 0);
        assert!(admission.place().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_hangs_up_keeps_its_place_until_the_work_has_ended() {
        let admission = Admission::new(1);
        let work = async {
            tokio::time::sleep(LONGEST_WAIT * 3 / 2).await;
            Ok::<_, Refusal>(())
        };
        let hung_up = tokio::time::timeout(Duration::from_millis(1), admission.run_to_end(work)).await;
        assert!(hung_up.is_err());
        assert!(admission.place().await.is_err(), "the work goes on");
        assert!(admission.place().await.is_ok(), "and ends");
    }
}
