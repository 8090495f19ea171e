//! The disk runs full, and has room again: a small one that is really filled where the tests run as root, and for
//! everybody a limit on how long the program's files may get.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use reqwest::Method;
use serde_json::Value;
use testkit::postgres::{ClusterOptions, Postgres};
use testkit::process::Program;
use testkit::small_disk::SmallDisk;

use crate::bookkeeping::{Told, check_on, event};
use crate::support::binary::{Binary, Tokens};
use crate::support::{PASSWORD, fresh_email};
use crate::tools::*;

/// Until nothing is stored any more: what has room in pages that are there is stored still.
const MOST_BEFORE_FULL: usize = 3_000;
/// So many changes in a row are refused before the disk counts as full.
const REFUSED_IN_A_ROW: usize = 20;

/// A server, somebody who changes things there, and what they were told.
struct Diary<'a> {
    server: &'a Binary,
    who: Tokens,
    told: Told,
    number: usize,
}

impl<'a> Diary<'a> {
    async fn begin(server: &'a Binary) -> Self {
        let who = server.found(&fresh_email()).await.expect("it lives");
        let mut diary = Self { server, who, told: Told::default(), number: 0 };
        assert!(diary.change().await, "there is room");
        diary
    }

    /// One change; whether it was made. Nothing but 201 and a fitting 503 is accepted.
    async fn change(&mut self) -> bool {
        self.number += 1;
        let title = format!("event {}", self.number);
        let answer = self.server.signed(&self.who, Method::POST, "/api/events", &event(&title)).await;
        let answer = answer.expect("the server lives");
        let made = answer.status == 201;
        self.told.note(title, &answer);
        made
    }

    async fn change_until_full(&mut self) {
        let mut refused = 0;
        for _ in 0..MOST_BEFORE_FULL {
            refused = if self.change().await { 0 } else { refused + 1 };
            if refused == REFUSED_IN_A_ROW {
                return;
            }
        }
        panic!("it never gets full: {} were made", self.told.created.len());
    }

    async fn expect_reading_goes_on(&self) {
        for path in ["/api/people/me", "/api/events", "/api/people"] {
            self.server
                .signed(&self.who, Method::GET, path, &Value::Null)
                .await
                .expect("it lives")
                .expect(200);
        }
        assert_eq!(self.server.get("/ready").await.status, 200, "a server that reads stays in the balancer");
        self.expect_signing_in_refused().await;
    }

    /// A sign-in is small: PostgreSQL may still find room for it in pages that are there, but not for ever.
    async fn expect_signing_in_refused(&self) {
        for _ in 0..MOST_BEFORE_FULL {
            if guess(self.server, &self.who.email, PASSWORD).await.status == 503 {
                return;
            }
        }
        panic!("signing in is never refused");
    }

    /// Looking at the audit log is on record itself, and refused when that cannot be: a page of it is once a minute.
    async fn expect_trail_refused(&self) {
        let audit = self.server.signed(&self.who, Method::GET, "/api/audit/logs", &Value::Null).await;
        audit.expect("it lives").expect(503);
    }

    /// Every export is on record, so the row of one of them finds no room in the end.
    async fn expect_exports_refused(&self) {
        for _ in 0..MOST_BEFORE_FULL {
            let path = "/api/audit/export?format=csv";
            let export = self.server.signed(&self.who, Method::GET, path, &Value::Null).await;
            let export = export.expect("it lives");
            if export.status != 200 {
                export.expect(503);
                return;
            }
        }
        panic!("an export is never refused");
    }

    async fn expect_writing_resumes(&mut self) {
        let begun = Instant::now();
        while !self.change().await {
            assert!(begun.elapsed() < 2 * RECOVERY, "it does not resume");
        }
        guess(self.server, &self.who.email, PASSWORD).await.expect(200);
    }

    /// A disk that is full is known to have stored nothing.
    fn expect_no_doubt(&self) {
        assert!(self.told.unknown.is_empty() && !self.told.refused.is_empty(), "{:?}", self.told);
    }

    async fn check(&self) {
        check_on(self.server, &self.who, &self.told).await;
        expect_no_fault_of_its_own(self.server);
    }
}

/// A test that cannot be run has shown nothing, so it must not count as passed.
fn small_disk(megabytes: u32) -> SmallDisk {
    SmallDisk::mount(megabytes).unwrap_or_else(|why| {
        panic!("{why}; run it as root: sudo -E cargo test -p signupflow --test faults disk_full")
    })
}

/// The embedded database is sound, and nothing of what the server wrote is half there.
fn expect_sound(data: &Path) {
    let connection = rusqlite::Connection::open(data.join("signupflow.db")).expect("it opens");
    let ask = |pragma: &str| {
        let mut rows = connection.prepare(pragma).expect("a pragma");
        let mut rows = rows.query([]).expect("it runs");
        rows.next().expect("a row").map(|row| row.get::<_, String>(0).expect("text"))
    };
    assert_eq!(ask("PRAGMA integrity_check").as_deref(), Some("ok"));
    assert_eq!(ask("PRAGMA foreign_key_check"), None);
}

/// F18: when the disk of the embedded database is full, changes get 503, nothing that was acknowledged is lost and
/// nothing is half there, reading goes on; with room again writing resumes by itself, also when the server was killed
/// and started while there was none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_read_and_writing_resumes_with_room() {
    let disk = small_disk(16);
    let mut server = Binary::start(disk.path(), &[]).await;
    let mut diary = Diary::begin(&server).await;
    for _ in 0..rounds() {
        disk.fill();
        diary.change_until_full().await;
        diary.expect_reading_goes_on().await;
        diary.expect_trail_refused().await;
        disk.make_room();
        diary.expect_writing_resumes().await;
    }
    diary.check().await;
    diary.expect_no_doubt();
    disk.fill();
    diary.change_until_full().await;
    let Diary { who, told, number, .. } = diary;
    server.program.kill();
    disk.make_room();
    server = Binary::start(disk.path(), &[]).await;
    let mut diary = Diary { server: &server, who, told, number };
    diary.expect_writing_resumes().await;
    diary.check().await;
    drop(server);
    expect_sound(&disk.path().join("data"));
}

/// Sets the longest its files may get, in bytes.
fn limit_files(server: &Binary, limit: &str) {
    let (pid, limit) = (format!("--pid={}", server.program.pid()), format!("--fsize={limit}:unlimited"));
    let status = Command::new("prlimit").args([pid, limit]).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "prlimit of util-linux sets the limit of an own process"
    );
}

/// The program as it is started where such a limit is set: else the kernel ends it at the first write too far.
async fn start_under_a_limit(folder: &Path) -> Binary {
    let command = "trap '' XFSZ && exec \"$0\" serve";
    let program = Program::new("/bin/sh").args(["-c", command, env!("CARGO_BIN_EXE_signupflow")]);
    Binary::start_as(program, folder, &[]).await
}

/// F18: the same holds when the embedded database's files may not grow, as with a quota of the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_may_not_grow_are_read_and_writing_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start_under_a_limit(folder.path()).await;
    let mut diary = Diary::begin(&server).await;
    for _ in 0..rounds() {
        limit_files(&server, "4096");
        diary.change_until_full().await;
        diary.expect_reading_goes_on().await;
        diary.expect_trail_refused().await;
        limit_files(&server, "unlimited");
        diary.expect_writing_resumes().await;
    }
    diary.check().await;
    let data = server.data_dir.clone();
    drop(server);
    expect_sound(&data);
}

/// F08: when PostgreSQL's disk is full, changes get 503, nothing that was acknowledged is lost and nothing is half
/// there, reading goes on; with room again writing resumes by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_postgres_is_read_and_writing_resumes_with_room() {
    let disk = small_disk(32);
    let cluster = Postgres::private(&ClusterOptions::default());
    let tablespace = disk.path().join("tablespace");
    std::fs::create_dir(&tablespace).expect("there is room");
    let given = Command::new("chown").arg("postgres").arg(&tablespace).status();
    assert!(given.is_ok_and(|status| status.success()), "root can give a folder away");
    cluster.run("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", tablespace.display())).await;
    cluster.run("postgres", "CREATE DATABASE small TABLESPACE small").await;

    let folder = tempfile::tempdir().expect("a folder");
    let server = Binary::start_on_postgres(folder.path(), &cluster.url("small")).await;
    let mut diary = Diary::begin(&server).await;
    for _ in 0..rounds() {
        disk.fill();
        diary.change_until_full().await;
        diary.expect_reading_goes_on().await;
        diary.expect_exports_refused().await;
        disk.make_room();
        diary.expect_writing_resumes().await;
    }
    diary.check().await;
    diary.expect_no_doubt();
    drop(server);
    drop(cluster);
}
