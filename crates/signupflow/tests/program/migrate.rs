//! `signupflow migrate` on both databases.

use crate::place::Place;
use testkit::postgres::{ClusterOptions, Postgres};

fn goes_up_and_down(place: &Place) {
    let before = place.json(&["migrate", "status", "--format", "json"]);
    let count = before["pending"].as_u64().expect("a number");
    assert!(count >= 2);
    let last = before["migrations"].as_array().expect("a list").len() - 1;
    assert_eq!(before["migrations"][0]["state"], "pending");

    let up = place.json(&["migrate", "up", "--format", "json"]);
    let tables = up["applied"][0]["tables"].as_array().expect("a list").clone();
    assert!(tables.contains(&"people".into()) && tables.contains(&"organizations".into()), "{tables:?}");
    let after = place.json(&["migrate", "status", "--format", "json"]);
    assert_eq!((&after["pending"], &after["migrations"][0]["state"]), (&0.into(), &"applied".into()));
    assert!(after["migrations"][0]["applied_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    assert!(place.done(&["migrate", "up"]).contains("up to date"));

    place.run(&["migrate", "down"]).failed(2, "--yes");
    place.run(&["migrate", "down", "--steps", "0", "--yes"]).failed(2, "--steps");
    assert_eq!(place.json(&["migrate", "status", "--format", "json"])["pending"], 0, "nothing was dropped");

    let down = place.json(&["migrate", "down", "--yes", "--format", "json"]);
    assert_eq!(down["reverted"].as_array().map(Vec::len), Some(1));
    assert!(place.done(&["migrate", "down", "--all", "--yes"]).contains("dropped people"));
    let end = place.json(&["migrate", "status", "--format", "json"]);
    assert_eq!(end["pending"], count);
    assert!(place.done(&["migrate", "down", "--yes"]).contains("nothing to undo"));
    let up = place.done(&["migrate", "up"]);
    assert!(up.contains("created audit_logs"));
    let named = before["migrations"].as_array().expect("a list").iter().map(|one| one["name"].as_str());
    for name in named.map(|name| name.expect("a name")) {
        assert!(up.lines().any(|line| line.split_whitespace().nth(1) == Some(name)), "{name} is not in {up}");
    }
    let undone = place.done(&["migrate", "down", "--yes"]);
    assert!(undone.contains(before["migrations"][last]["name"].as_str().expect("a name")), "{undone}");
}

#[test]
fn sqlite_goes_up_and_down() {
    goes_up_and_down(&Place::new());
}

#[tokio::test]
async fn postgres_goes_up_and_down() {
    goes_up_and_down(&Place::on_postgres().await);
}

#[tokio::test]
async fn pending_migrations_on_postgres_are_refused_by_other_commands() {
    let place = Place::on_postgres().await;
    place.run(&["audit", "list"]).failed(2, "migrate up");
    place.run(&["serve"]).failed(2, "migrate up");
}

#[tokio::test]
async fn a_server_that_refuses_the_address_is_a_wrong_configuration_and_one_that_is_away_is_not() {
    let server = Postgres::private(&ClusterOptions::default().tcp());
    let no_database = server.tcp_url("nowhere").expect("it listens");
    let no_user = server.tcp_url("postgres").expect("it listens").replace("postgres@", "nobody_we_know@");
    let no_tls = format!("{}?sslmode=require", server.tcp_url("postgres").expect("it listens"));
    for (url, named) in [(no_database, "nowhere"), (no_user, "nobody_we_know"), (no_tls, "TLS")] {
        let place = Place::on_postgres_at(&url);
        for command in [&["migrate", "status"][..], &["serve"], &["audit", "list"]] {
            place.run(command).failed(2, "DATABASE_URL").failed(2, named);
        }
    }
    let port = testkit::free_port::free_tcp_port();
    let away = Place::on_postgres_at(&format!("postgresql://u@127.0.0.1:{port}/d"));
    away.run(&["migrate", "status"]).failed(3, "database");
}

#[test]
fn a_database_url_that_cannot_be_meant_is_a_wrong_configuration() {
    let refused = |query: &str, named: &str| {
        let place = Place::on_postgres_at(&format!("postgresql://u:hunter2@localhost/d?{query}"));
        let ended = place.run(&["migrate", "status"]).failed(2, "DATABASE_URL").failed(2, named);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    };
    refused("sslmode=always", "verify-full");
    refused("sslmode=verify-full&sslrootcert=/nonexistent/ca.pem", "/nonexistent/ca.pem");
}
