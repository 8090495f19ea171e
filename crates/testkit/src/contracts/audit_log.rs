//! The contract of [`accounts::ports::AuditLog`].

use std::time::Duration;

use accounts::ports::{AuditCursor, AuditFilter, AuditPage, AuditRow};
use futures_util::StreamExt as _;
use hardening::audit::{Action, AuditEvent, Resource, Status, Trail};
use hardening::clock::Timestamp;
use hardening::entropy::OsEntropy;

use super::stores::{Stores, event, now};

/// Runs every check.
pub async fn all(stores: &Stores) {
    a_row_is_read_as_it_was_written(stores).await;
    pages_go_backwards_without_gaps(stores).await;
    a_stream_goes_forwards(stores).await;
    every_filter_narrows(stores).await;
    words_are_taken_literally(stores).await;
    case_means_nothing_in_any_script(stores).await;
    counting_stops_at_the_cap(stores).await;
}

async fn append(stores: &Stores, events: &[AuditEvent]) {
    let mut events = events.iter().cloned();
    let first = events.next().expect("at least one");
    let trail = events.fold(Trail::of(first, &OsEntropy), |trail, event| trail.and(event, &OsEntropy));
    stores.audit.append(trail).await.expect("appended");
}

fn of(org_id: &str) -> AuditFilter {
    AuditFilter { org_id: Some(org_id.to_owned()), ..AuditFilter::default() }
}

async fn page(stores: &Stores, filter: &AuditFilter) -> Vec<AuditRow> {
    let page = AuditPage { limit: 1000, after: None, offset: 0 };
    stores.audit.page(filter, &page).await.expect("readable")
}

/// An organization of its own for each check, with rows at given moments.
async fn rows_at(stores: &Stores, moments: &[Timestamp]) -> (String, String, Vec<AuditEvent>) {
    let (organization, founder) = stores.founded().await;
    let own = |timestamp: &Timestamp| AuditEvent {
        timestamp: *timestamp,
        org_id: organization.id.clone(),
        user_id: founder.id.clone(),
        ..event(Action::EventUpdate)
    };
    let events: Vec<AuditEvent> = moments.iter().map(own).collect();
    append(stores, &events).await;
    (organization.id, founder.id, events)
}

/// Every column, NULL included.
pub async fn a_row_is_read_as_it_was_written(stores: &Stores) {
    let (org_id, user_id, _) = rows_at(stores, &[now()]).await;
    let wanted = AuditEvent {
        org_id: org_id.clone(),
        user_id,
        changes: None,
        ip_address: None,
        user_agent: None,
        request_id: None,
        resource: Resource::new("team", "team_1"),
        status: Status::Failure,
        error_message: Some("why".into()),
        timestamp: now() + Duration::from_secs(9),
        ..event(Action::TeamCreate)
    };
    append(stores, std::slice::from_ref(&wanted)).await;
    let rows = page(stores, &of(&org_id)).await;
    assert_eq!(rows.len(), 2);
    let (bare, full) = (&rows[0], &rows[1]);
    assert_eq!((&bare.id, bare.timestamp), (&wanted.id, wanted.timestamp));
    assert_eq!((&*bare.action, &*bare.status), ("team.create", "failure"));
    assert_eq!((&*bare.resource_type, &*bare.resource_id, &bare.resource_name), ("team", "team_1", &None));
    assert_eq!((&bare.changes, &bare.ip_address, &bare.user_agent), (&None, &None, &None));
    assert_eq!((bare.request_id.as_ref(), bare.error_message.as_deref()), (None, Some("why")));
    assert_eq!(full.user_roles[0], "admin");
    assert_eq!(full.changes, event(Action::EventUpdate).changes.map(|changes| changes.as_json().clone()));
    assert_eq!(full.user_email, "ann@example.com");
}

/// Also where several rows have the same time.
pub async fn pages_go_backwards_without_gaps(stores: &Stores) {
    let base = now();
    let moments: Vec<_> = (0..9u64).map(|n| base + Duration::from_micros(n / 3)).collect();
    let (org_id, _, events) = rows_at(stores, &moments).await;
    let mut wanted: Vec<_> = events.into_iter().map(|event| (event.timestamp, event.id)).collect();
    wanted.sort();
    wanted.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let asked = AuditPage { limit: 2, after, offset: 0 };
        let rows = stores.audit.page(&of(&org_id), &asked).await.expect("readable");
        let Some(last) = rows.last() else { break };
        after = Some(AuditCursor { timestamp: last.timestamp, id: last.id.clone() });
        seen.extend(rows.into_iter().map(|row| (row.timestamp, row.id)));
    }
    assert_eq!(seen, wanted);
    let asked = AuditPage { limit: 3, after: None, offset: 4 };
    let rows = stores.audit.page(&of(&org_id), &asked).await.expect("readable");
    let skipped: Vec<_> = rows.into_iter().map(|row| (row.timestamp, row.id)).collect();
    assert_eq!(skipped, wanted[4..7]);
}

/// All of it.
pub async fn a_stream_goes_forwards(stores: &Stores) {
    let base = now();
    let moments: Vec<_> = (0..2500u64).map(|n| base + Duration::from_micros(n)).collect();
    let (org_id, _, events) = rows_at(stores, &moments).await;
    let mut rows = stores.audit.stream(&of(&org_id));
    let mut seen = Vec::new();
    while let Some(row) = rows.next().await {
        seen.push(row.expect("readable").id);
    }
    assert_eq!(seen, events.into_iter().map(|event| event.id).collect::<Vec<_>>());
}

/// Alone and together.
pub async fn every_filter_narrows(stores: &Stores) {
    let base = now();
    let (org_id, user_id, events) = rows_at(stores, &[base]).await;
    let other = stores.joined(&org_id, &["volunteer"]).await;
    let odd = AuditEvent {
        org_id: org_id.clone(),
        user_id: other.id.clone(),
        timestamp: base + Duration::from_secs(5),
        resource: Resource::new("session", "session_1"),
        ip_address: Some("2001:db8::1".into()),
        status: Status::Failure,
        ..event(Action::AuthLoginFailed)
    };
    append(stores, std::slice::from_ref(&odd)).await;
    let some = |text: &str| Some(text.to_owned());
    let narrowings: [(&str, AuditFilter); 9] = [
        ("action", AuditFilter { action: some("auth.login_failed"), ..of(&org_id) }),
        ("family", AuditFilter { action: some("auth.*"), ..of(&org_id) }),
        ("user", AuditFilter { user_id: Some(other.id), ..of(&org_id) }),
        ("type", AuditFilter { resource_type: some("session"), ..of(&org_id) }),
        ("id", AuditFilter { resource_id: some("session_1"), ..of(&org_id) }),
        (
            "resource",
            AuditFilter { resource_type: some("session"), resource_id: some("session_1"), ..of(&org_id) },
        ),
        ("status", AuditFilter { status: some("failure"), ..of(&org_id) }),
        ("address", AuditFilter { ip_address: some("2001:db8::1"), ..of(&org_id) }),
        ("start", AuditFilter { start: Some(odd.timestamp), ..of(&org_id) }),
    ];
    for (name, filter) in narrowings {
        let ids: Vec<_> = page(stores, &filter).await.into_iter().map(|row| row.id).collect();
        assert_eq!(ids, [odd.id.as_str()], "{name}");
        assert_eq!(stores.audit.count_up_to(&filter, 10).await, Ok(1), "{name}");
        let streamed: Vec<_> = stores.audit.stream(&filter).collect().await;
        assert_eq!(streamed.len(), 1, "{name}");
        let both = AuditFilter { user_id: Some(user_id.clone()), ..filter };
        if name != "user" && name != "start" {
            assert!(page(stores, &both).await.is_empty(), "{name} and another actor");
        }
    }
    let early = AuditFilter { end: Some(odd.timestamp), ..of(&org_id) };
    let ids: Vec<_> = page(stores, &early).await.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [events[0].id.as_str()], "the end is exclusive");
    let anywhere = AuditFilter { user_id: Some(user_id), ..AuditFilter::default() };
    assert_eq!(page(stores, &anywhere).await.len(), 1, "operators see every organization");
}

/// Wildcards and case mean nothing.
pub async fn words_are_taken_literally(stores: &Stores) {
    let (org_id, user_id, _) = rows_at(stores, &[now()]).await;
    let odd = AuditEvent {
        org_id: org_id.clone(),
        user_id,
        resource: Resource::new("event", "event_1").named("50% \\ off_season"),
        error_message: Some("Late Arrival".into()),
        ..event(Action::EventUpdate)
    };
    append(stores, std::slice::from_ref(&odd)).await;
    let found = |q: &str| AuditFilter { q: Some(q.to_owned()), ..of(&org_id) };
    for (q, hits) in [
        ("50% ", 1),
        ("f_s", 1),
        ("\\ off", 1),
        ("LATE arr", 1),
        ("EVENT_1", 1),
        ("ANN@", 2),
        ("%", 1),
        ("o_f", 0),
        ("5%f", 0),
        ("' OR 1=1 --", 0),
        ("\0", 0),
    ] {
        assert_eq!(page(stores, &found(q)).await.len(), hits, "{q}");
        assert_eq!(stores.audit.stream(&found(q)).count().await, hits, "{q}");
    }
}

/// Whatever the engine or the locale of its database knows of case.
pub async fn case_means_nothing_in_any_script(stores: &Stores) {
    let (org_id, user_id, _) = rows_at(stores, &[now()]).await;
    let odd = AuditEvent {
        org_id: org_id.clone(),
        user_id,
        resource: Resource::new("event", "event_1").named("Fête d'ÉTÉ, ΟΔΟΣ Straße İzmir"),
        error_message: Some("Сергей пришёл".into()),
        ..event(Action::EventUpdate)
    };
    append(stores, std::slice::from_ref(&odd)).await;
    let found = |q: &str| AuditFilter { q: Some(q.to_owned()), ..of(&org_id) };
    for (q, hits) in [
        ("d'été", 1),
        ("FÊTE", 1),
        ("οδος", 1),
        ("οδοσ", 1),
        ("STRAẞE", 1),
        ("İZMIR", 1),
        ("СЕРГЕЙ ПРИШЁЛ", 1),
        ("fete", 0),
        ("strasse", 0),
    ] {
        assert_eq!(page(stores, &found(q)).await.len(), hits, "{q}");
    }
}

/// Exactly below it.
pub async fn counting_stops_at_the_cap(stores: &Stores) {
    let (org_id, _, _) = rows_at(stores, &[now(); 7]).await;
    for (cap, counted) in [(0, 0), (6, 6), (7, 7), (8, 7)] {
        assert_eq!(stores.audit.count_up_to(&of(&org_id), cap).await, Ok(counted));
    }
}
