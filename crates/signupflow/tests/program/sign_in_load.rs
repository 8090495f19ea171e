//! A38: many sign-ins at once, with real password hashes, in the real program: memory stays small because no
//! more hashes run than there are cores.

use std::sync::Arc;

use crate::support::binary::Binary;
use crate::support::{PASSWORD, fresh_email};

const AT_ONCE: usize = 32;
/// The bar of the targets, in KiB.
const MOST_RESIDENT: u64 = 100 * 1024;

#[tokio::test]
async fn thirty_two_sign_ins_at_once_stay_below_a_hundred_megabytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Arc::new(Binary::start(folder.path(), &[]).await);
    let mut emails = Vec::new();
    for _ in 0..AT_ONCE {
        let email = fresh_email();
        server.found(&email).await.expect("an answer");
        emails.push(email);
    }
    let attempts: Vec<_> = emails
        .into_iter()
        .map(|email| {
            let server = server.clone();
            tokio::spawn(async move { server.login(&email, PASSWORD).await })
        })
        .collect();
    for attempt in attempts {
        attempt.await.expect("no panic").expect("an answer").expect(200);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert!((1..=cores).contains(&hashing_threads(server.program.pid())), "one hash a core at a time");
    // The peak, not what is left afterwards.
    let peak = server.memory_kib("VmHWM");
    assert!(peak <= MOST_RESIDENT, "{peak} KiB resident at the peak");
}

/// Threads of the process that hash.
fn hashing_threads(pid: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives").flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("password-")).count()
}
