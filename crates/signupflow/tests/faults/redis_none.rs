//! Without Redis: sessions and counters in process, written through.

use std::time::{Duration, Instant};

use crate::support::PASSWORD;
use crate::support::binary::Binary;
use crate::support::fresh_email;
use crate::tools::*;

const LOCK: Duration = Duration::from_secs(6);

/// F36: without Redis, a process that is killed forgets neither what was ended nor who is locked nor for how long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_forgets_neither_endings_nor_locks_nor_their_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("RATE_LIMIT_LOCKOUT_DURATION", "6")];
    let mut server = Binary::start(folder.path(), &variables).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    for _ in 0..rounds() {
        let victim = server.found(&fresh_email()).await.expect("it lives").email;
        let nearly = server.found(&fresh_email()).await.expect("it lives").email;
        let ended = signed_out(&server, &who).await;
        for left in (0..4).rev() {
            let answer = guess(&server, &nearly, "wrong").await.expect(401);
            assert_eq!(answer.header("x-ratelimit-remaining"), (left + 1).to_string());
        }
        for _ in 0..5 {
            guess(&server, &victim, "wrong").await.expect(401);
        }
        let locked = Instant::now();
        server.program.kill();
        server = Binary::start(folder.path(), &variables).await;

        me(&server, &ended).await.expect_problem(401, "unauthenticated");
        me(&server, &who).await.expect(200);
        let refused = guess(&server, &victim, PASSWORD).await;
        assert!(locked.elapsed() < LOCK, "the machine is too slow for this test: {:?}", locked.elapsed());
        let left =
            refused.expect_problem(429, "account_locked").json["retry_after"].as_u64().expect("seconds");
        assert!(left <= LOCK.as_secs(), "{left}");
        let fifth = guess(&server, &nearly, "wrong").await.expect(401);
        assert_eq!(fifth.header("x-ratelimit-remaining"), "0", "four failures are remembered");
        // The program keeps real time; the lock ends to the second, which is told rounded up.
        tokio::time::sleep((LOCK + Duration::from_millis(50)).saturating_sub(locked.elapsed())).await;
        guess(&server, &victim, PASSWORD).await.expect(200);
    }
}
