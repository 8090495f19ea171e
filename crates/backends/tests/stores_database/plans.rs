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
        let all = format!("::COUNT_ALL_OF_{what}");
        if ["ORGANIZATION", "ACTOR", "ACTION"].contains(&what) {
            let steps = sqlite_steps(&place, text(&all));
            let covering = format!("USING COVERING INDEX {index}");
            assert!(steps.iter().any(|step| step.contains(&covering)), "{all}: {steps:?}");
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
    for name in ["::PAGE_OF_ANYTHING", "::STREAM_OF_ANYTHING"] {
        let Ran { steps, .. } = ran(client, name, "auto", ALL_TIME, [None; 3]).await;
        assert!(steps.contains("idx_audit_timestamp") && !steps.contains("Sort"), "{name}: {steps}");
    }
}

/// How a text ran.
struct Ran {
    steps: String,
    /// Pages of the table and its indexes that were looked at.
    pages: i64,
}

const ALL_TIME: &str = "'1970-01-01Z', '9999-01-01Z'";
/// From the 5000th on.
const FIFTY_SECONDS: &str = "'1970-01-01 01:23:20Z', '1970-01-01 01:24:10Z'";

/// Runs a text for one organization, actor and action.
async fn ran(
    client: &tokio_postgres::Client,
    name: &str,
    plans: &str,
    time: &str,
    [org, user, action]: [Option<&str>; 3],
) -> Ran {
    let quoted = |word: Option<&str>| word.map_or("NULL".to_owned(), |word| format!("'{word}'"));
    let parameters = if name.contains("COUNT_ALL") {
        let named = user.or(action).map_or(String::new(), |one| format!(", '{one}'"));
        format!("({}, {time}, 101{named})", quoted(org))
    } else {
        let [org, user, action] = [org, user, action].map(quoted);
        format!("({org}, {time}, '', {user}, {action}, NULL, NULL, NULL, NULL, NULL, NULL, 101, 0)")
    };
    let text = text(name).for_postgres();
    client.batch_execute(&format!("DEALLOCATE ALL; SET plan_cache_mode = {plans}")).await.expect("taken");
    client.batch_execute(&format!("PREPARE plan AS {text}")).await.expect("valid");
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE plan {parameters}");
    let answer = client.query_one(&explain, &[]).await.expect("a plan");
    let steps: serde_json::Value = answer.get(0);
    let pages = |what: &str| steps[0]["Plan"][what].as_i64().expect("a number");
    Ran { pages: pages("Shared Hit Blocks") + pages("Shared Read Blocks"), steps: steps.to_string() }
}

/// One person did nothing while the trail of the organization grew, and that did nothing while the trail of all grew:
/// the newest rows of either are not looked for among all that came since, though most rows there are theirs.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_rows_of_one_are_not_looked_for_among_those_of_others_on_postgres() {
    /// The table and its indexes have two thousand; a hundred rows lie on a few.
    const MOST_PAGES: i64 = 60;
    let place = Place::postgres().await;
    let Direct::Postgres(client) = &place.direct else { unreachable!("it is PostgreSQL") };
    let rows = "INSERT INTO organizations (id, name, status, created_at, updated_at) \
            SELECT 'org_idle', name, status, created_at, updated_at FROM organizations WHERE id = 'org_system'; \
        INSERT INTO people (id, org_id, name, status, created_at, updated_at) \
            SELECT 'person_idle', org_id, name, status, created_at, updated_at FROM people \
            WHERE id = 'person_anonymous'; \
        INSERT INTO audit_logs (id, timestamp, org_id, user_id, user_email, user_roles, action, \
            resource_type, resource_id, status, canonical, leaf_hash) SELECT 'audit_' || n, to_timestamp(n), \
            CASE WHEN n < 28000 THEN 'org_idle' ELSE 'org_system' END, \
            CASE WHEN n < 26000 THEN 'person_idle' ELSE 'person_anonymous' END, '', '[]', \
            CASE WHEN n < 26000 THEN 'idle' ELSE 'busy' END, 'x', 'x', 'success', '', '' \
            FROM generate_series(1, 30000) n";
    client.batch_execute(rows).await.expect("stored");
    client.batch_execute("VACUUM ANALYZE audit_logs").await.expect("counted");
    for (what, filter) in [
        ("ORGANIZATION", [Some("org_idle"), None, None]),
        ("ACTOR", [Some("org_idle"), Some("person_idle"), None]),
        ("ACTION", [Some("org_idle"), None, Some("idle")]),
    ] {
        for verb in ["PAGE", "STREAM", "COUNT", "COUNT_ALL"] {
            let name = format!("::{verb}_OF_{what}");
            for time in [ALL_TIME, FIFTY_SECONDS] {
                let Ran { steps, pages } = ran(client, &name, "force_custom_plan", time, filter).await;
                assert!(pages < MOST_PAGES, "{name} in {time} looked at {pages} pages: {steps}");
            }
        }
        // Whatever it was asked before.
        let name = format!("::COUNT_ALL_OF_{what}");
        let Ran { steps, pages } = ran(client, &name, "force_generic_plan", FIFTY_SECONDS, filter).await;
        assert!(pages < MOST_PAGES && steps.contains("Index Only Scan"), "{name}, {pages} pages: {steps}");
    }
}
