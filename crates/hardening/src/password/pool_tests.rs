use std::sync::mpsc;

use super::*;
use crate::clock::SystemClock;
use crate::entropy::OsEntropy;
use crate::lockout::Gate;

const RIGHT: &str = "correct horse battery staple";

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn pool(threads: usize, queue: usize) -> HashPool {
    HashPool::start(Argon2Params::cheap_for_tests(), None, threads, queue, Arc::new(OsEntropy))
}

async fn reservation() -> Reservation {
    let gate = Gate::disabled(Arc::new(SystemClock), Arc::new(OsEntropy));
    gate.reserve(Vec::new()).await.expect("no fault").expect("a place")
}

fn secret(password: &str) -> Secret<String> {
    Secret::new(password.to_owned())
}

/// Occupies a thread until the returned sender is dropped.
fn occupy(pool: &HashPool) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let job: Job = Box::new(move |_| {
        started.send(()).expect("test");
        let _ = released.recv();
    });
    assert!(pool.queue.push(Waiting { since: Instant::now(), job }));
    has_started.recv().expect("test");
    release
}

#[test]
fn hashing_and_verifying_go_together_and_are_counted() {
    block_on(async {
        let (pool, proof) = (pool(2, 8), reservation().await);
        let stored = pool.hash(secret(RIGHT)).await.expect("not busy");
        let verdict = |password, stored| pool.verify(&proof, secret(password), stored);
        assert_eq!(verdict(RIGHT, Some(stored.clone())).await, Ok(Verdict::Match));
        assert_eq!(verdict("wrong", Some(stored)).await, Ok(Verdict::Mismatch));
        assert_eq!(verdict(RIGHT, None).await, Ok(Verdict::Mismatch));
        assert_eq!(pool.verifications_started(), 3);
    });
}

#[test]
fn the_policy_is_checked_on_the_threads() {
    block_on(async {
        let pool = pool(1, 8);
        let check = |password| {
            pool.check_policy(Arc::default(), secret(password), vec!["someone@example.org".to_owned()])
        };
        assert_eq!(check(RIGHT).await, Ok(Ok(())));
        assert_eq!(check("short").await, Ok(Err(PasswordRefusal::TooShort { min_length: 15 })));
    });
}

#[test]
fn a_full_queue_is_busy_and_recovers() {
    block_on(async {
        let (pool, proof) = (pool(1, 1), reservation().await);
        let release = occupy(&pool);
        let mut waiting = Box::pin(pool.hash(secret(RIGHT)));
        assert!(futures_poll(&mut waiting).is_none(), "one may wait");
        assert_eq!(pool.hash(secret(RIGHT)).await, Err(Busy));
        assert_eq!(pool.verify(&proof, secret(RIGHT), None).await, Err(Busy));
        assert_eq!(pool.verifications_started(), 0, "refused before the hash");
        drop(release);
        assert!(waiting.await.is_ok());
        assert!(pool.hash(secret(RIGHT)).await.is_ok());
    });
}

#[test]
fn who_hung_up_costs_nothing_and_breaks_nothing() {
    block_on(async {
        let (pool, proof) = (pool(1, 8), reservation().await);
        let release = occupy(&pool);
        for _ in 0..4 {
            let mut given_up = Box::pin(pool.verify(&proof, secret(RIGHT), None));
            assert!(futures_poll(&mut given_up).is_none());
        }
        drop(release);
        assert_eq!(pool.verify(&proof, secret(RIGHT), None).await, Ok(Verdict::Mismatch));
        assert_eq!(pool.verifications_started(), 1);
    });
}

#[test]
fn who_waited_too_long_is_busy() {
    block_on(async {
        let pool = pool(1, 8);
        let release = occupy(&pool);
        let (answer, answered) = oneshot::channel::<()>();
        let long_ago = Instant::now().checked_sub(LONGEST_WAIT * 2).expect("the machine is up for seconds");
        let job: Job = Box::new(move |_| {
            let _ = answer.send(());
        });
        assert!(pool.queue.push(Waiting { since: long_ago, job }));
        drop(release);
        assert!(answered.await.is_err());
    });
}

#[test]
fn a_panic_costs_its_caller_only() {
    block_on(async {
        let pool = pool(1, 8);
        let panicked: Result<(), Busy> = pool.run(|_| panic!("on purpose, by a test")).await;
        assert_eq!(panicked, Err(Busy));
        assert!(pool.hash(secret(RIGHT)).await.is_ok());
    });
}

#[test]
fn dropping_the_pool_answers_who_waits() {
    block_on(async {
        let pool = pool(1, 8);
        let release = occupy(&pool);
        let (answer, answered) = oneshot::channel::<()>();
        let job: Job = Box::new(move |_| {
            let _ = answer.send(());
        });
        assert!(pool.queue.push(Waiting { since: Instant::now(), job }));
        drop(pool);
        assert!(answered.await.is_err());
        drop(release);
    });
}

#[test]
fn no_more_hashes_than_threads_run_at_once() {
    block_on(async {
        let pool = Arc::new(pool(2, 64));
        let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..40).map(|_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let run = pool.run(move |bench| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                bench.verify(&secret(RIGHT), None);
                running.fetch_sub(1, Ordering::SeqCst);
            });
            Box::pin(run)
        });
        let mut tasks: Vec<_> = tasks.collect();
        for task in &mut tasks {
            assert!(futures_poll(task).is_none_or(|result| result.is_ok()));
        }
        while running.load(Ordering::SeqCst) > 0 || most.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
    });
}

#[test]
fn the_suggested_queue_empties_in_a_second() {
    assert_eq!(suggested_queue(2, Duration::from_millis(20)), 100);
    assert_eq!(suggested_queue(1, Duration::from_secs(5)), 4);
    assert_eq!(suggested_queue(0, Duration::ZERO), 4_096);
}

/// Polls once, as an impatient client would.
fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
