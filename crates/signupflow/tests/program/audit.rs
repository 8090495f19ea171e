//! `signupflow audit`: filters, forms, and the trail of reading the trail.

use std::os::unix::fs::PermissionsExt as _;

use crate::place::Place;
use serde_json::Value;

fn with_two_organizations() -> (Place, Value, Value) {
    let place = Place::new();
    let one = place.create_admin("Ada Admin", "ada@example.org", "=1+1 Hands");
    let other = place.create_admin("Bo Admin", "bo@example.org", "Others");
    (place, one, other)
}

fn lines(place: &Place, extra: &[&str]) -> Vec<Value> {
    let arguments = [&["audit", "export", "--format", "ndjson"], extra].concat();
    let text = place.done(&arguments);
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
fn filters_narrow_and_the_newest_comes_first() {
    let (place, one, _) = with_two_organizations();
    let org = one["org_id"].as_str().expect("an id");
    let all = place.json(&["audit", "list", "--format", "json"]);
    assert_eq!((&all["total"], &all["total_capped"]), (&5.into(), &false.into()), "4 creations, 1 reading");
    let times: Vec<&str> =
        all["logs"].as_array().expect("a list").iter().filter_map(|r| r["timestamp"].as_str()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

    let count = |extra: &[&str]| {
        let arguments = [&["audit", "list", "--format", "json"], extra].concat();
        place.json(&arguments)["total"].as_u64().expect("a number")
    };
    assert_eq!(count(&["--org", org, "--action", "person.*"]), 1);
    assert_eq!(count(&["--action", "organization.create"]), 2);
    assert_eq!(count(&["--action", "organization.create", "--since", "2999-01-01"]), 0);
    assert_eq!(count(&["--action", "organization.create", "--until", "2000-01-01"]), 0);
    assert_eq!(count(&["--action", "organization.create", "--user", "ada@example.org"]), 0);
    place.run(&["audit", "list", "--since", "2026-02-01", "--until", "2026-01-01"]).failed(2, "--until");
    place.run(&["audit", "list", "--org", "org_missing"]).failed(1, "organization");
    place.run(&["audit", "list", "--user", "no@example.org"]).failed(1, "person");
}

#[test]
fn the_table_is_plain_where_no_terminal_is() {
    let (place, ..) = with_two_organizations();
    let ended = place.run(&["audit", "list", "--limit", "2"]);
    assert!(ended.stderr.contains("2 of 5 events"), "{}", ended.stderr);
    let text = ended.done();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("ACTION") && !text.contains('\u{1b}') && !text.contains('│'), "{text}");
}

#[test]
fn reading_and_exporting_are_recorded() {
    let (place, one, _) = with_two_organizations();
    let org = one["org_id"].as_str().expect("an id");
    place.done(&["audit", "list", "--org", org]);
    lines(&place, &["--org", org]);
    let rows = lines(&place, &[]);
    let reading: Vec<_> = rows.iter().filter(|row| row["resource_type"] == "audit_log").collect();
    let acts: Vec<_> = reading.iter().map(|row| (row["action"].as_str(), row["org_id"].as_str())).collect();
    let expected = [
        (Some("audit.read"), Some(org)),
        (Some("audit.exported"), Some(org)),
        (Some("audit.exported"), Some("org_system")),
    ];
    assert_eq!(acts, expected);
    assert!(reading.iter().all(|row| row["user_email"].as_str().is_some_and(|by| by.starts_with("cli:"))));
}

#[test]
fn every_form_is_whole() {
    let (place, ..) = with_two_organizations();
    let array = place.json(&["audit", "export", "--format", "json", "--action", "organization.create"]);
    assert_eq!(array.as_array().map(Vec::len), Some(2));
    let csv = place.done(&["audit", "export", "--format", "csv", "--action", "organization.create"]);
    assert!(csv.starts_with("id,timestamp,org_id,user_id,user_email,"), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 3);
    assert!(csv.contains(",'=1+1 Hands,"), "formulas are neutralised: {csv}");
    assert_eq!(lines(&place, &["--action", "organization.create"]).len(), 2);
    assert!(lines(&place, &["--action", "no.such"]).is_empty());
}

#[test]
fn a_file_is_private_whole_and_never_replaced_by_accident() {
    let (place, ..) = with_two_organizations();
    let export = ["audit", "export", "--format", "json", "--out", "audit.json"];
    assert_eq!(place.done(&export), "");
    let path = place.path().join("audit.json");
    let text = std::fs::read_to_string(&path).expect("there");
    assert!(serde_json::from_str::<Value>(&text).is_ok_and(|rows| rows.is_array()));
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!place.path().join("audit.json.part").exists());

    place.run(&export).failed(1, "--force");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
    place.done(&[&export[..], &["--force"]].concat());
    assert_ne!(std::fs::read_to_string(&path).expect("there"), text, "one more export is in it");
    place.run(&["audit", "export", "--format", "csv", "--out", "/nonexistent/x"]).failed(1, "/nonexistent/x");
    place.run(&["audit", "export"]).failed(2, "--format");
}

/// What is in the database alone is read although Redis is away.
#[test]
fn reading_needs_no_redis() {
    let (place, one, _) = with_two_organizations();
    let port = testkit::free_port::free_tcp_port();
    let place = place.with("REDIS_URL", &format!("redis://127.0.0.1:{port}"));
    let org = one["org_id"].as_str().expect("an id");
    assert!(place.done(&["audit", "list", "--org", org]).contains("organization.create"));
    assert!(!lines(&place, &[]).is_empty());
    place.done(&["audit", "report", "two-factor"]);
    place.done(&["mail", "list"]);
    place.run(&["admin", "unlock"]).failed(3, "Redis");
}
