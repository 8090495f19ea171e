//! Reading the audit log: filters, order, paging, totals, and who may.

use backends::sql::Unit;

use crate::support::{Persona, TestApp, fresh_ip};
use serde_json::{Value, json};

fn event(title: &str) -> Value {
    json!({"title": title, "type": "service", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"})
}

async fn logs(who: &Persona<'_>, query: &str) -> Value {
    who.app.advance(1);
    who.get(&format!("/api/audit/logs?{query}")).await.expect(200).json
}

fn column(page: &Value, name: &str) -> Vec<String> {
    let rows = page["logs"].as_array().expect("rows");
    rows.iter().map(|row| row[name].as_str().unwrap_or_default().to_owned()).collect()
}

async fn roomy() -> TestApp {
    TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "1000")]).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn every_filter_narrows_to_what_it_says() {
    let app = roomy().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let made = admin.post("/api/events", &event("Beach")).await.expect(201);
    app.advance(100);
    let ip = fresh_ip();
    app.login_from(&ip, &member.email, "wrong").await.expect(401);
    let all_of = |page: &Value, name: &str, value: &str| {
        let found = column(page, name);
        assert!(!found.is_empty() && found.iter().all(|one| one == value), "{name} {value}: {page}");
    };
    all_of(&logs(&admin, "action=event.create").await, "action", "event.create");
    all_of(&logs(&admin, &format!("user_id={}", member.id)).await, "user_id", &member.id);
    all_of(&logs(&admin, "resource_type=event").await, "resource_type", "event");
    all_of(
        &logs(&admin, &format!("resource_id={}", made.field("id"))).await,
        "resource_id",
        &made.field("id"),
    );
    all_of(&logs(&admin, "status=failure").await, "status", "failure");
    all_of(&logs(&admin, &format!("ip_address={ip}")).await, "ip_address", &ip);
    let family = column(&logs(&admin, "action=auth.*").await, "action");
    assert!(family.len() >= 3 && family.iter().all(|action| action.starts_with("auth.")), "{family:?}");
    for nothing in ["action=auth", "action=auth.%25", "action=event.*&status=failure", "user_id=person_none"]
    {
        let page = logs(&admin, nothing).await;
        assert_eq!((page["total"].as_u64(), &page["next_cursor"]), (Some(0), &Value::Null), "{nothing}");
    }
    let both = logs(&admin, &format!("action=auth.login_failed&user_id={}&status=failure", member.id)).await;
    assert_eq!(both["total"], 1);
    let row = &both["logs"][0];
    let names: Vec<&String> = row.as_object().expect("a row").keys().collect();
    for name in [
        "id",
        "timestamp",
        "org_id",
        "user_id",
        "user_email",
        "user_roles",
        "action",
        "resource_type",
        "resource_id",
        "resource_name",
        "changes",
        "ip_address",
        "user_agent",
        "request_id",
        "status",
        "error_message",
    ] {
        assert!(names.iter().any(|have| *have == name), "{name} in {names:?}");
    }
}

#[tokio::test]
async fn dates_bound_the_time_start_inclusive_end_exclusive() {
    let app = roomy().await;
    let admin = app.admin().await;
    app.advance(3 * 86_400);
    let admin = admin.on_another_device().await;
    let first = app.now();
    admin.post("/api/events", &event("First")).await.expect(201);
    app.advance(10);
    let second = app.now();
    admin.post("/api/events", &event("Second")).await.expect(201);
    let titles = async |query: String| {
        column(&logs(&admin, &format!("action=event.create&{query}")).await, "resource_name")
    };
    assert_eq!(titles(format!("start_date={first}")).await, ["Second", "First"]);
    assert_eq!(titles(format!("start_date={second}")).await, ["Second"]);
    assert_eq!(titles(format!("end_date={second}")).await, ["First"]);
    assert_eq!(titles(format!("start_date={first}&end_date={first}")).await, Vec::<String>::new());
    let day = &first.to_string()[..10];
    assert_eq!(titles(format!("start_date={day}")).await.len(), 2);
    let last_day = &second.to_string()[..10];
    assert_eq!(titles(format!("end_date={last_day}")).await.len(), 2, "a day as an end is inclusive");
    assert_eq!(titles("end_date=2020-01-01".into()).await.len(), 0);
}

/// What is typed into the search is text, not a pattern.
#[tokio::test]
async fn the_search_takes_percent_underscore_and_patterns_literally() {
    let app = roomy().await;
    let admin = app.admin().await;
    for title in ["100% sure", "100 sure", "a_b", "axb", "x.*y", "xaay", r"back\slash", "O'Brien [x]"] {
        admin.post("/api/events", &event(title)).await.expect(201);
        app.advance(1);
    }
    let cases = [
        ("100%25", vec!["100% sure"]),
        ("%25", vec!["100% sure"]),
        ("_b", vec!["a_b"]),
        (".*", vec!["x.*y"]),
        ("%5C", vec![r"back\slash"]),
        ("SURE", vec!["100 sure", "100% sure"]),
        ("o%27brien+%5Bx%5D", vec!["O'Brien [x]"]),
        ("%27+OR+1%3D1", vec![]),
    ];
    for (q, expected) in cases {
        let page = logs(&admin, &format!("action=event.create&q={q}")).await;
        assert_eq!(column(&page, "resource_name"), expected, "{q}");
        assert_eq!(page["total"], expected.len(), "{q}");
    }
}

#[tokio::test]
async fn pages_are_newest_first_complete_and_stable_while_rows_are_added() {
    let app = roomy().await;
    let admin = app.admin().await;
    for n in 0..23 {
        admin.post("/api/events", &event(&format!("Event {n}"))).await.expect(201);
        app.advance(if n % 3 == 0 { 4 } else { 0 });
        if n == 20 {
            app.advance(60);
        }
    }
    let whole = logs(&admin, "action=event.*&limit=1000").await;
    assert_eq!(
        (whole["total"].as_u64(), whole["limit"].as_u64(), whole["offset"].as_u64()),
        (Some(23), Some(1000), Some(0))
    );
    assert!(whole.get("total_capped").is_none());
    let times = column(&whole, "timestamp");
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");

    let (mut seen, mut cursor, mut added) = (Vec::new(), String::new(), 0);
    loop {
        let page = logs(&admin, &format!("action=event.*&limit=5{cursor}")).await;
        assert_eq!(page["total"], 23 + added, "the total counts what is there now");
        seen.extend(column(&page, "id"));
        admin.post("/api/events", &event("Meanwhile")).await.expect(201);
        added += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, column(&whole, "id"), "each once, in order, none of the new ones");
    let skipped = logs(&admin, &format!("action=event.*&limit=5&offset={}", 5 + added)).await;
    assert_eq!(column(&skipped, "id"), seen[5..10]);
    let beyond = logs(&admin, "action=event.*&offset=10000").await;
    assert_eq!((column(&beyond, "id").len(), beyond["total"].as_u64()), (0, Some(23 + added)));
    admin.get("/api/audit/logs?offset=5&cursor=MS5h").await.expect_problem(422, "invalid_input");
}

/// Reading is on record, and does not push what is read to the next page.
#[tokio::test]
async fn pages_by_offset_repeat_nothing_and_are_one_row() {
    let app = roomy().await;
    let admin = app.admin().await;
    let other = app.invited(&admin, &["admin"]).await;
    for n in 0..12 {
        admin.post("/api/events", &event(&format!("Event {n}"))).await.expect(201);
    }
    let reads = async || app.audit_rows("audit.read").await.len();
    let mut seen = Vec::new();
    for offset in (0..15).step_by(5) {
        app.advance(100);
        seen.extend(column(&logs(&admin, &format!("limit=5&offset={offset}")).await, "id"));
    }
    let listed = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), reads().await), (listed, 1));
    for _ in 0..3 {
        logs(&admin, "limit=5").await;
    }
    assert_eq!(reads().await, 2, "a read minutes later is another one, and those beside it are not");
    let cursor = logs(&admin, "limit=1").await["next_cursor"].as_str().expect("more").to_owned();
    app.advance(3600);
    logs(&admin, &format!("cursor={cursor}")).await;
    assert_eq!(reads().await, 3, "nobody reads on for ever unseen");
    logs(&other, "limit=1").await;
    assert_eq!(reads().await, 4, "somebody else is somebody else");
}

/// A14: nobody but the organization's own admins.
#[tokio::test]
async fn only_admins_read_and_only_their_own_organization() {
    let app = roomy().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let usher = app.invited(&admin, &["usher", "volunteer"]).await;
    let stranger = app.admin().await;
    stranger.post("/api/events", &event("Secret picnic")).await.expect(201);
    for path in ["/api/audit/logs", "/api/audit/export"] {
        app.get(path).await.expect_problem(401, "unauthenticated");
        volunteer.get(path).await.expect_problem(403, "forbidden");
        usher.get(path).await.expect_problem(403, "forbidden");
        let foreign = format!("{path}?org_id={}", stranger.org_id);
        admin.get(&foreign).await.expect_problem(404, "not_found");
    }
    app.login_from(&fresh_ip(), "nobody@example.net", "wrong").await.expect(401);
    let page = logs(&admin, "limit=1000").await;
    assert!(column(&page, "org_id").iter().all(|org| *org == admin.org_id));
    for query in [
        "q=picnic",
        &format!("user_id={}", stranger.id),
        "user_id=person_anonymous",
        "q=nobody%40example.net",
    ] {
        assert_eq!(logs(&admin, query).await["total"], 0, "{query}");
    }
    let export = admin.get("/api/audit/export?format=ndjson").await.expect(200).text;
    assert!(
        !export.contains("picnic") && !export.contains(&stranger.org_id) && !export.contains("org_system")
    );
}

/// Ten thousand are counted; one more is "more than that", also when it is asked again and counted no more.
#[tokio::test]
async fn totals_are_exact_up_to_ten_thousand() {
    let app = roomy().await;
    let admin = app.admin().await;
    admin.post("/api/events", &event("Beach")).await.expect(201);
    let copies = async |name: &str, number: u32| {
        let mut unit = Unit::housekeeping("many rows");
        let many = "INSERT INTO audit_logs (id, timestamp, org_id, user_id, user_email, user_roles, action, \
             resource_type, resource_id, status, canonical, leaf_hash) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3) \
             SELECT 'audit_' || i || $2 || $1, timestamp, org_id, user_id, user_email, user_roles, 'event.update', \
             resource_type, resource_id, status, canonical, leaf_hash FROM n, audit_logs \
             WHERE org_id = $1 AND action = 'event.create'";
        unit.run(many, vec![(&*admin.org_id).into(), name.into(), i64::from(number).into()]);
        app.assembly.database.commit(unit).await.expect("own database");
    };
    let total = async |query: &str| {
        let page = logs(&admin, query).await;
        (page["total"].as_u64(), page["total_capped"].as_bool())
    };
    copies("a", 10_000).await;
    for query in ["action=event.update&limit=1", "action=event.*&status=failure"] {
        let expected = if query.contains("failure") { 0 } else { 10_000 };
        assert_eq!(total(query).await, (Some(expected), None), "{query}");
    }
    copies("b", 1).await;
    for query in ["action=event.update&limit=1", "action=event.update&limit=3", "status=success"] {
        assert_eq!(total(query).await, (Some(10_000), Some(true)), "{query}");
    }
    assert_eq!(total("action=event.create").await, (Some(1), None));
}
