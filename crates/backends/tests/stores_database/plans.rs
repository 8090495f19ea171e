//! How the engines would run what reads the trail.

use backends::sql::Sql;
use backends::stores::statements;

use crate::place::{Direct, Place};

fn text(name: &str) -> Sql {
    let found = statements().into_iter().find(|text| text.name.ends_with(name));
    found.unwrap_or_else(|| panic!("{name} is not listed")).sql
}

fn sqlite_steps(place: &Place, sql: Sql) -> Vec<String> {
    let Direct::Sqlite(folder) = &place.direct else { unreachable!("it is SQLite") };
    let connection = rusqlite::Connection::open(folder.path().join("data.sqlite")).expect("it opens");
    let flags = rusqlite::functions::FunctionFlags::default();
    connection.create_scalar_function("signupflow_folded", 1, flags, |_| Ok(0)).expect("taken");
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.for_sqlite())).expect("valid");
    plan.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().expect("a plan")
}

/// A page of a large trail must not read all of it.
#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_read_the_trail_starts_from_its_index() {
    let place = Place::sqlite().await;
    for (what, index) in [
        ("ORGANIZATION", "idx_audit_org_timestamp (org_id=? AND timestamp>? AND timestamp<?)"),
        ("ACTOR", "idx_audit_org_user (org_id=? AND user_id=? AND timestamp>? AND timestamp<?)"),
        ("ACTION", "idx_audit_org_action (org_id=? AND action=? AND timestamp>? AND timestamp<?)"),
        ("RESOURCE", "idx_audit_resource (resource_type=? AND resource_id=?)"),
        ("ANYTHING", "idx_audit_timestamp (timestamp>? AND timestamp<?)"),
    ] {
        for verb in ["PAGE", "STREAM", "COUNT"] {
            let name = format!("::{verb}_OF_{what}");
            let steps = sqlite_steps(&place, text(&name));
            assert!(steps.iter().any(|step| step.contains(index)), "{name}: {steps:?}");
        }
    }
}

/// An operator's page of all organizations.
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_of_all_organizations_is_not_sorted_on_sqlite() {
    let place = Place::sqlite().await;
    for name in ["::PAGE_OF_ANYTHING", "::STREAM_OF_ANYTHING"] {
        let steps = sqlite_steps(&place, text(name));
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{name}: {steps:?}");
    }
}

/// As above; a thousand rows are enough for the planner to see what a sort would cost.
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_of_all_organizations_is_not_sorted_on_postgres() {
    let place = Place::postgres().await;
    let Direct::Postgres(client) = &place.direct else { unreachable!("it is PostgreSQL") };
    let rows = "INSERT INTO audit_logs (id, timestamp, org_id, user_id, user_email, user_roles, action, \
        resource_type, resource_id, status, canonical, leaf_hash) SELECT 'audit_' || n, \
        to_timestamp(n), 'org_system', 'person_anonymous', '', '[]', 'x', 'x', 'x', 'success', '', '' \
        FROM generate_series(1, 5000) n; ANALYZE audit_logs";
    client.batch_execute(rows).await.expect("stored");
    for (n, name) in ["::PAGE_OF_ANYTHING", "::STREAM_OF_ANYTHING"].into_iter().enumerate() {
        let prepare = format!(
            "PREPARE plan_{n} (text, timestamptz, timestamptz, text, text, text, text, text, text, text, text, \
             timestamptz, text, bigint, bigint) AS {}",
            text(name).for_postgres()
        );
        client.batch_execute(&prepare).await.expect("valid");
        let explain = format!(
            "EXPLAIN EXECUTE plan_{n} (NULL, '-infinity', 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
             NULL, 'infinity', '~', 50, 0)"
        );
        let answer = client.simple_query(&explain).await.expect("a plan");
        let steps = format!("{answer:?}");
        assert!(steps.contains("idx_audit_timestamp") && !steps.contains("Sort"), "{name}: {steps}");
    }
}
