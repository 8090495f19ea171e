//! A38: many sign-ins at once, with real password hashes, in the real program: memory stays small because no
//! more hashes run than there are cores.

mod support;

use std::sync::Arc;

use support::binary::Binary;
use support::{PASSWORD, fresh_email};

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
    for round in 0..2 {
        let attempts: Vec<_> = emails
            .iter()
            .map(|email| {
                let (server, email) = (server.clone(), email.clone());
                tokio::spawn(async move { server.login(&email, PASSWORD).await.expect("an answer") })
            })
            .collect();
        let mut busy = 0;
        for attempt in attempts {
            let answer = attempt.await.expect("no panic");
            if answer.status == 503 {
                assert_eq!(answer.json["code"], "busy");
                assert!(!answer.header("retry-after").is_empty());
                busy += 1;
            } else {
                answer.expect(200);
            }
        }
        assert!(busy <= AT_ONCE / 2, "round {round}: {busy} were sent away");
    }
    // The peak, not what is left afterwards.
    let peak = server.memory_kib("VmHWM");
    assert!(peak <= MOST_RESIDENT, "{peak} KiB resident at the peak");
}
