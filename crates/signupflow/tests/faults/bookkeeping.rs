//! What clients were told, to be compared with what is stored.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, Persona};
use reqwest::Method;
use serde_json::{Value, json};

/// The body that creates an event of this title.
pub(crate) fn event(title: &str) -> Value {
    json!({"title": title, "type": "service", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"})
}

/// Titles of events by what the server said when they were to be created.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// 201: they must be there.
    pub(crate) created: BTreeSet<String>,
    /// 503 and nothing was changed: they must not be there.
    pub(crate) refused: BTreeSet<String>,
    /// 503, and nobody knows: there or not, once at most.
    pub(crate) unknown: BTreeSet<String>,
}

impl Told {
    /// Writes down the answer to the creation of `title`; anything but 201 and a fitting 503 is wrong.
    pub(crate) fn note(&mut self, title: String, answer: &Answer) {
        let list = match (answer.status.as_u16(), answer.json["code"].as_str()) {
            (201, _) => &mut self.created,
            (503, Some("outcome_unknown")) => {
                assert_eq!(answer.header("retry-after"), "", "nobody is asked to repeat it blindly");
                &mut self.unknown
            }
            (503, Some("backend_unavailable")) => {
                assert!(["1", "2", "3"].contains(&answer.header("retry-after")), "{:?}", answer.headers);
                &mut self.refused
            }
            _ => panic!("{} {}", answer.status, answer.text),
        };
        list.insert(title);
    }

    /// Compares with what is stored, by title, and with the trail: `rows` counts audit rows by event id.
    pub(crate) fn check(&self, stored: &[(String, String)], rows: &BTreeMap<String, usize>) {
        let titles: BTreeSet<&String> = stored.iter().map(|(_, title)| title).collect();
        assert_eq!(titles.len(), stored.len(), "something was stored twice: {stored:?}");
        for title in &self.created {
            assert!(titles.contains(title), "acknowledged and lost: {title}");
        }
        for title in &self.refused {
            assert!(!titles.contains(title), "refused and stored: {title}");
        }
        assert!(rows.values().all(|count| *count == 1), "{rows:?}");
        let ids: BTreeSet<&String> = stored.iter().map(|(id, _)| id).collect();
        assert!(rows.keys().eq(ids), "changes and audit rows differ: {rows:?} {stored:?}");
    }
}

/// Ids and titles in a page of events.
pub(crate) fn events_in(page: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = page.json["items"].as_array().expect("items");
    items.iter().map(|event| (text(&event["id"]), text(&event["title"]))).collect()
}

/// How many rows each resource has in a page of the audit log.
pub(crate) fn rows_in(page: &Answer) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in page.json["logs"].as_array().expect("rows") {
        *counts.entry(row["resource_id"].as_str().expect("an id").to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Compares what an admin was told with what the organization holds.
pub(crate) async fn check(told: &Told, admin: &Persona<'_>) {
    let events = admin.get("/api/events?limit=200").await.expect(200);
    let rows = admin.get("/api/audit/logs?limit=1000&action=event.create").await.expect(200);
    told.check(&events_in(&events), &rows_in(&rows));
}

/// The same for an admin of a program in a process of its own, page by page.
pub(crate) async fn check_on(server: &Binary, admin: &Tokens, told: &Told) {
    let mut events = Vec::new();
    for page in pages(server, admin, "/api/events?limit=100").await {
        events.extend(events_in(&page));
    }
    let mut rows = BTreeMap::new();
    for page in pages(server, admin, "/api/audit/logs?limit=1000&action=event.create").await {
        for (id, count) in rows_in(&page) {
            *rows.entry(id).or_insert(0) += count;
        }
    }
    told.check(&events, &rows);
}

async fn pages(server: &Binary, admin: &Tokens, path: &str) -> Vec<Answer> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{path}{cursor}");
        let page = server.signed(admin, Method::GET, &path, &Value::Null).await;
        let page = page.expect("the program lives").expect(200);
        let next = page.json["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
    }
}
