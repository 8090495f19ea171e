//! [`HashPool`]: threads that hash and verify, at most one hash a thread at a time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::queue::Queue;
use super::work::{Recipe, Workbench};
use super::{Argon2Params, PasswordPolicy, PasswordRefusal};
use crate::entropy::{Entropy, random_bytes};
use crate::lockout::Reservation;
use crate::secret::Secret;

/// Whoever has waited longer than this is told to come back: a bounded queue of slow (adopted) hashes must
/// not become an unbounded wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How many may wait so that the last one waits a second: half of what is allowed, for a core that is slower than
/// `one_hash` tells.
pub fn suggested_queue(threads: usize, one_hash: Duration) -> usize {
    let per_second = Duration::from_secs(1).as_micros() / one_hash.as_micros().max(1);
    usize::try_from(per_second).unwrap_or(usize::MAX).saturating_mul(threads.max(1)).clamp(4, 4_096)
}

/// What a password is, compared with what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right one.
    Match,
    /// The right one, but stored as bcrypt, with weaker parameters or another pepper: hash it again.
    MatchOutdated,
    /// Not the right one, or there is none.
    Mismatch,
}

/// Too many passwords wait to be hashed. Callers withdraw the reservation and answer 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Busy;

type Job = Box<dyn FnOnce(&mut Workbench<'_>) + Send>;

struct Waiting {
    since: Instant,
    job: Job,
}

/// A fixed number of threads with a bounded queue. Dropping it ends the threads; who still waits gets [`Busy`].
pub struct HashPool {
    queue: Arc<Queue<Waiting>>,
    entropy: Arc<dyn Entropy>,
    verifications: Arc<AtomicU64>,
}

impl HashPool {
    /// Starts `threads` threads (one a core, at least one) with room for `queue` waiting passwords, see
    /// [`suggested_queue`]. With a pepper, hashes are worthless without it (RFC 9106, 3.1: the secret value);
    /// hashes from before it are upgraded by the next sign-in.
    ///
    /// # Panics
    /// When the system gives no threads at start.
    pub fn start(
        params: Argon2Params,
        pepper: Option<Secret<[u8; 32]>>,
        threads: usize,
        queue: usize,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let recipe = Arc::new(Recipe::new(params, pepper, &*entropy));
        let queue = Arc::new(Queue::new(queue));
        for number in 0..threads.max(1) {
            let (queue, recipe) = (Arc::clone(&queue), Arc::clone(&recipe));
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&queue, &recipe))
                .expect("the server cannot verify passwords without threads");
        }
        Self { queue, entropy, verifications: Arc::default() }
    }

    /// Hashes a password that the policy accepted, into a PHC string.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: Secret<String>) -> Result<String, Busy> {
        let salt = random_bytes::<16>(&*self.entropy);
        self.run(move |bench| bench.hash(&password, salt)).await?.ok_or(Busy)
    }

    /// Compares a normalised password with the stored hash. `None` (no such account, no password) costs the
    /// work of a hash with the current parameters. The reservation proves that the limiter was asked.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(
        &self,
        _proof: &Reservation,
        password: Secret<String>,
        stored: Option<String>,
    ) -> Result<Verdict, Busy> {
        let verifications = Arc::clone(&self.verifications);
        self.run(move |bench| {
            verifications.fetch_add(1, Ordering::Relaxed);
            bench.verify(&password, stored.as_deref())
        })
        .await
    }

    /// Checks the policy on a hashing thread, since estimating guesses takes milliseconds.
    ///
    /// # Errors
    /// [`Busy`]; inside, why the password is refused.
    pub async fn check_policy(
        &self,
        policy: Arc<PasswordPolicy>,
        password: Secret<String>,
        context: Vec<String>,
    ) -> Result<Result<(), PasswordRefusal>, Busy> {
        self.run(move |_| {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            policy.check(&password, &context)
        })
        .await
    }

    /// How full the queue is, in percent: who decides earlier whom to send away looks here.
    pub fn load_percent(&self) -> usize {
        self.queue.load_percent()
    }

    /// How many verifications have reached the hash since the start.
    pub fn verifications_started(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Workbench<'_>) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |bench| {
            // Nobody listens any more: the client hung up, so the work would be for nobody.
            if !answer.is_canceled() {
                let _ = answer.send(task(bench));
            }
        });
        if !self.queue.push(Waiting { since: Instant::now(), job }) {
            return Err(Busy);
        }
        answered.await.map_err(|_| Busy)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("verifications", &self.verifications).finish_non_exhaustive()
    }
}

fn work(queue: &Queue<Waiting>, recipe: &Recipe) {
    let mut bench = Workbench::new(recipe);
    while let Some(Waiting { since, job }) = queue.pop() {
        if since.elapsed() > LONGEST_WAIT {
            // Dropping the job answers its caller with Busy.
            continue;
        }
        // A thread that died would be missed for good; the caller is answered either way.
        if catch_unwind(AssertUnwindSafe(|| job(&mut bench))).is_err() {
            bench = Workbench::new(recipe);
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
