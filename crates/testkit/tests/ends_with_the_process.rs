//! A test process that is killed leaves no server and no folder behind.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::postgres::Postgres;
use testkit::process::Program;

const VICTIM: &str = "TESTKIT_VICTIM";
const PATIENCE: Duration = Duration::from_mins(1);

/// Alone this does nothing; run by the test below it holds a cluster and waits to be killed.
#[tokio::test]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let url = Postgres::shared().fresh_database().await;
    println!("\nfolder={}", Postgres::shared().socket_folder().display());
    println!("url={url}");
    tokio::time::sleep(PATIENCE).await;
}

#[tokio::test]
async fn a_killed_test_process_leaves_no_cluster() {
    let mut victim = Program::new(std::env::current_exe().expect("this test is a program"))
        .args(["victim", "--exact", "--nocapture"])
        .env(VICTIM, "1")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .start();
    let line = victim.wait_for_line("folder=", PATIENCE).await;
    let folder = Path::new(line.trim_start_matches("folder="));
    victim.wait_for_line("url=", PATIENCE).await;
    assert!(folder.join("data/postmaster.pid").exists());
    victim.kill();
    let deadline = Instant::now() + PATIENCE;
    while folder.exists() {
        assert!(Instant::now() < deadline, "{} is still there", folder.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
