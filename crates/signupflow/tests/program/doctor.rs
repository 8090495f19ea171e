//! `signupflow doctor` finds what it is for, and touches nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::place::{Ended, Place};
use backends::sql::{Database, Unit};
use serde_json::Value;
use testkit::postgres::Postgres;

fn checks(ended: &Ended) -> Vec<Value> {
    let value: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ended.stdout, ended.stderr));
    value["checks"].as_array().expect("a list").clone()
}

fn look(place: &Place) -> (Option<i32>, Vec<Value>) {
    let ended = place.run(&["doctor", "--format", "json"]);
    (ended.code, checks(&ended))
}

fn failed(checks: &[Value]) -> Vec<&str> {
    checks
        .iter()
        .filter(|check| check["outcome"] == "fail")
        .filter_map(|check| check["id"].as_str())
        .collect()
}

fn outcome<'a>(checks: &'a [Value], id: &str) -> &'a str {
    let check = checks.iter().find(|check| check["id"] == id);
    check.and_then(|check| check["outcome"].as_str()).unwrap_or("missing")
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let place = Place::new();
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(0), vec![]), "{checks:?}");
    assert_eq!(outcome(&checks, "database"), "skip");
    assert_eq!(fs::read_dir(place.path()).expect("there").count(), 0);
    for check in &checks {
        assert!(check["title"].is_string() && check["detail"].is_string(), "{check}");
        assert!(check.get("fix").is_some(), "{check}");
    }
}

#[test]
fn a_sound_installation_passes_every_check() {
    let place = Place::new();
    place.create_admin("Ada Admin", "ada@example.org", "Helping Hands");
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(0), vec![]), "{checks:?}");
    for id in [
        "configuration",
        "data_dir",
        "secrets_file",
        "database",
        "migrations",
        "database_writable",
        "audit_protection",
        "clock",
        "keys",
        "hash_speed",
        "client_address",
    ] {
        assert_eq!(outcome(&checks, id), "pass", "{id}");
    }
    let text = place.done(&["doctor"]);
    assert!(text.contains('✓') && text.contains('–') && !text.contains('✗'), "{text}");
}

#[test]
fn wrong_settings_are_told_one_by_one_with_a_fix() {
    let place = Place::new().with("SESSION_TTL_HOURS", "a day").with("BIND_ADDRESS", "nowhere");
    let (code, checks) = look(&place);
    assert_eq!(code, Some(2));
    assert_eq!(failed(&checks), ["configuration", "configuration"]);
    assert!(checks.iter().filter(|c| c["outcome"] == "fail").all(|check| check["fix"].is_string()));
    assert!(place.run(&["doctor"]).failed(2, "").stdout.contains('✗'));
}

#[test]
fn lost_protection_of_keys_is_found() {
    let place = Place::new();
    place.done(&["migrate", "up"]);
    let secrets = place.path().join("data/secrets.env");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o644)).expect("own file");
    let ended = place.run(&["doctor", "--format", "json"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains("chmod 600"), "{}", ended.stdout);
    fs::remove_file(&secrets).expect("own file");
    let ended = place.run(&["doctor", "--format", "json"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains("unreadable"), "data without keys: {}", ended.stdout);
}

#[test]
fn pending_migrations_are_found_with_the_command_that_helps() {
    let place = Place::new();
    place.done(&["migrate", "up"]);
    place.done(&["migrate", "down", "--yes"]);
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(1), vec!["migrations"]));
    assert!(checks.iter().any(|check| check["fix"].as_str().is_some_and(|fix| fix.contains("migrate up"))));
}

#[tokio::test]
async fn a_removed_guard_of_the_audit_log_is_found() {
    let place = Place::new();
    place.done(&["migrate", "up"]);
    let database = Database::open_sqlite(&place.path().join("data/signupflow.db")).await.expect("there");
    let mut unit = Unit::housekeeping("test");
    unit.run("DROP TRIGGER audit_logs_no_delete", Vec::new());
    database.commit(unit).await.expect("own database");
    database.close().await;
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(1), vec!["audit_protection"]));
}

#[tokio::test]
async fn postgres_is_looked_at_too() {
    let url = Postgres::shared().fresh_database().await;
    let place = Place::on_postgres_at(&url);
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(1), vec!["migrations"]), "{checks:?}");
    place.done(&["migrate", "up"]);
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(0), vec![]), "{checks:?}");

    let database = Database::connect_postgres(&url).await.expect("there");
    let mut unit = Unit::housekeeping("test");
    unit.run("ALTER TABLE audit_logs ENABLE TRIGGER audit_logs_no_change", Vec::new());
    database.commit(unit).await.expect("own database");
    database.close().await;
    assert_eq!(failed(&look(&place).1), ["audit_protection"], "ALWAYS became ORIGIN");
}

#[test]
fn a_database_that_is_away_is_a_finding_here() {
    let port = testkit::free_port::free_tcp_port();
    let place = Place::on_postgres_at(&format!("postgresql://u@127.0.0.1:{port}/d"));
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(3), vec!["database"]));
}

#[test]
fn a_redis_that_is_away_is_a_finding_here() {
    let port = testkit::free_port::free_tcp_port();
    let place = Place::new().with("REDIS_URL", &format!("redis://127.0.0.1:{port}"));
    let (code, checks) = look(&place);
    assert_eq!((code, failed(&checks)), (Some(3), vec!["redis"]));
}
