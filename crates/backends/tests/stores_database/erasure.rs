//! Erasing, seen past the stores: leaves stay what they were, and whatever is not the procedure is refused.

use accounts::model::Person;
use hardening::audit::{Action, AuditEvent, Resource, Trail};
use hardening::entropy::OsEntropy;
use testkit::contracts::erasure::erasing;
use testkit::contracts::stores::{Stores, event, now};

use crate::place::{Direct, Place, on_both};

on_both!(
    leaves_stay_and_salts_go,
    only_the_procedure_changes_a_row,
    while_an_erasure_is_open_only_its_person_goes,
    what_the_leaf_spells_out_never_changes,
    an_erasure_needs_its_event_and_stays,
    going_back_locks_the_trail_again,
    erasing_is_recorded_also_without_audit_log,
);

/// The migration that permits erasing.
const ERASURE: i64 = 3;

/// An organization with its admin, somebody to erase, and a row of theirs, of the admin's, and about them.
struct Cast {
    admin: Person,
    person: Person,
    by_person: String,
    by_admin: String,
    about_person: String,
}

async fn cast(stores: &Stores) -> Cast {
    let (organization, admin) = stores.founded().await;
    let person = stores.joined(&organization.id, &["usher"]).await;
    let team = Resource::new("team", "team_1").named("Crew");
    let by_person = appended(stores, &person, team.clone()).await;
    let by_admin = appended(stores, &admin, team).await;
    let about_person =
        appended(stores, &admin, Resource::new("person", person.id.clone()).named("Ann")).await;
    Cast { admin, person, by_person, by_admin, about_person }
}

async fn appended(stores: &Stores, actor: &Person, resource: Resource) -> String {
    let event = AuditEvent {
        org_id: actor.org_id.clone(),
        user_id: actor.id.clone(),
        user_email: actor.email.clone().expect("an address"),
        resource,
        error_message: Some("why".to_owned()),
        ..event(Action::TeamUpdate)
    };
    let id = event.id.clone();
    stores.audit.append(Trail::of(event, &OsEntropy)).await.expect("appended");
    id
}

/// Deleted, with the event that says so, and with an erasure of theirs that is still open.
async fn open_erasure(place: &Place, cast: &Cast) {
    let stores = place.stores();
    let trail = erasing(&cast.admin, &cast.person.id);
    let event_id = trail.first().event.id.clone();
    stores.people.delete(&cast.person, now(), trail).await.expect("deleted");
    place.execute(&insert_erasure(&event_id, &cast.person, "FALSE")).await.expect("opened");
}

fn insert_erasure(event_id: &str, person: &Person, finished: &str) -> String {
    format!(
        "INSERT INTO audit_erasures (event_id, person_id, org_id, erased_at, finished) \
         VALUES ('{event_id}', '{}', '{}', '2026-01-01T00:00:00.000000Z', {finished})",
        person.id, person.org_id
    )
}

const ACTOR: &str = "user_email = '[ERASED]', ip_address = '[ERASED]', user_agent = '[ERASED]', \
                     commitment_salt = NULL";
const SUBJECT: &str = "resource_name = '[ERASED]', \
                       changes = '{\"erased\":{\"old\":\"[ERASED]\",\"new\":\"[ERASED]\"}}', \
                       error_message = '[ERASED]', commitment_salt = NULL";

fn update(set: &str, id: &str) -> String {
    format!("UPDATE audit_logs SET {set} WHERE id = '{id}'")
}

async fn leaves_stay_and_salts_go(place: Place) {
    let (stores, cast) = (place.stores(), cast(&place.stores()).await);
    let sealed = "CREATE TABLE sealed AS SELECT id, timestamp, org_id, user_id, user_roles, action, resource_type, \
                  resource_id, request_id, status, canonical, leaf_hash FROM audit_logs";
    place.execute(sealed).await.expect("copied");
    let trail = erasing(&cast.admin, &cast.person.id);
    stores.people.delete_and_erase(&cast.person, now(), trail).await.expect("erased");
    let compare = "SELECT count(*) AS n FROM sealed s LEFT JOIN audit_logs a ON a.id = s.id \
        AND a.canonical = s.canonical AND a.leaf_hash = s.leaf_hash AND a.timestamp = s.timestamp \
        AND a.org_id = s.org_id AND a.user_id = s.user_id AND a.action = s.action AND a.status = s.status \
        AND a.resource_type = s.resource_type AND a.resource_id = s.resource_id \
        AND CAST(a.user_roles AS TEXT) = CAST(s.user_roles AS TEXT) WHERE a.id IS NULL";
    assert_eq!(place.number(compare).await, 0, "what the leaf spells out is as it was");
    assert_eq!(place.number("SELECT count(*) AS n FROM audit_logs WHERE commitment_salt IS NULL").await, 2);
    assert_eq!(place.number("SELECT count(*) AS n FROM audit_erasures WHERE finished").await, 1);
    let own = "SELECT count(*) AS n FROM audit_erasures e JOIN audit_logs a ON a.id = e.event_id \
               WHERE a.commitment_salt IS NOT NULL";
    assert_eq!(place.number(own).await, 1, "the event itself stays provable");
}

async fn only_the_procedure_changes_a_row(place: Place) {
    let (stores, cast) = (place.stores(), cast(&place.stores()).await);
    let refused = [update(ACTOR, &cast.by_person), update(SUBJECT, &cast.about_person)];
    for script in &refused {
        place.refuses_in_the_database(script).await;
    }
    stores.people.delete(&cast.person, now(), erasing(&cast.admin, &cast.person.id)).await.expect("deleted");
    for script in &refused {
        place.refuses_in_the_database(script).await;
    }
    let trail = erasing(&cast.admin, &cast.person.id);
    let org_id = &cast.admin.org_id;
    stores.people.erase_deleted(org_id, &cast.person.id, now(), trail).await.expect("erased");
    let late = appended(&stores, &cast.person, Resource::new("team", "team_1")).await;
    place.refuses_in_the_database(&update(ACTOR, &late)).await;
    place.refuses_in_the_database(&update("user_email = 'x'", &cast.by_person)).await;
}

async fn while_an_erasure_is_open_only_its_person_goes(place: Place) {
    let cast = cast(&place.stores()).await;
    open_erasure(&place, &cast).await;
    let (mine, about) = (&cast.by_person, &cast.about_person);
    for refused in [
        // Other people's rows, whole or in part.
        update(ACTOR, &cast.by_admin),
        update(SUBJECT, &cast.by_admin),
        update("commitment_salt = NULL", &cast.by_admin),
        update(ACTOR, about),
        update(SUBJECT, mine),
        "UPDATE audit_logs SET commitment_salt = NULL".to_owned(),
        // Other values.
        update(
            "user_email = 'x', ip_address = '[ERASED]', user_agent = '[ERASED]', commitment_salt = NULL",
            mine,
        ),
        update("user_email = '[ERASED]', commitment_salt = NULL", mine),
        update("user_email = '[ERASED]', ip_address = NULL, user_agent = NULL, commitment_salt = NULL", mine),
        update("user_email = '[ERASED]', ip_address = '[ERASED]', user_agent = '[ERASED]'", mine),
        update(&SUBJECT.replace("{\"erased\"", "{\"forged\""), about),
        update(&SUBJECT.replace("'[ERASED]', changes", "'Eve', changes"), about),
        update(&SUBJECT.replace("= '[ERASED]', commitment", "= 'x', commitment"), about),
        // Other columns beside.
        update(&format!("{ACTOR}, resource_name = '[ERASED]'"), mine),
        update(&format!("{SUBJECT}, user_email = '[ERASED]'"), about),
        "DELETE FROM audit_logs".to_owned(),
        format!("DELETE FROM audit_logs WHERE id = '{mine}'"),
    ] {
        place.refuses_in_the_database(&refused).await;
    }
    place.execute(&update(ACTOR, mine)).await.expect("that is what it is open for");
    place.execute(&update(SUBJECT, about)).await.expect("and that");
    place.execute("UPDATE audit_erasures SET finished = TRUE").await.expect("finished");
    place.refuses_in_the_database(&update(ACTOR, mine)).await;
}

async fn what_the_leaf_spells_out_never_changes(place: Place) {
    let cast = cast(&place.stores()).await;
    open_erasure(&place, &cast).await;
    let mine = &cast.by_person;
    for column in
        ["id", "org_id", "user_id", "action", "resource_type", "resource_id", "request_id", "status"]
    {
        place.refuses_in_the_database(&update(&format!("{ACTOR}, {column} = 'org_system'"), mine)).await;
    }
    for forged in [
        "timestamp = '2026-01-01T00:00:00.000000Z'",
        "user_roles = '[]'",
        "canonical = leaf_hash",
        "leaf_hash = canonical",
    ] {
        place.refuses_in_the_database(&update(&format!("{ACTOR}, {forged}"), mine)).await;
    }
    match place.direct {
        Direct::Sqlite(_) => {
            place.refuses_in_the_database(&update(&format!("{ACTOR}, rowid = 9999"), mine)).await;
        }
        Direct::Postgres(_) => {
            place.refuses_in_the_database("TRUNCATE audit_logs").await;
            place.execute("SET session_replication_role = replica").await.expect("a superuser may");
            place.refuses_in_the_database(&update(ACTOR, &cast.by_admin)).await;
            place.refuses_in_the_database("TRUNCATE audit_logs, audit_erasures").await;
        }
    }
    place.execute(&update(ACTOR, mine)).await.expect("the rest may go");
}

async fn an_erasure_needs_its_event_and_stays(place: Place) {
    let (stores, cast) = (place.stores(), cast(&place.stores()).await);
    place.refuses_in_the_database(&insert_erasure(&cast.about_person, &cast.person, "FALSE")).await;
    let trail = erasing(&cast.admin, &cast.person.id);
    let event_id = trail.first().event.id.clone();
    stores.audit.append(trail.clone()).await.expect("appended");
    place.refuses_in_the_database(&insert_erasure(&event_id, &cast.person, "FALSE")).await;
    let trail = erasing(&cast.admin, &cast.person.id);
    stores.people.delete(&cast.person, now(), trail).await.expect("deleted");
    place.refuses_in_the_database(&insert_erasure(&event_id, &cast.person, "TRUE")).await;
    place.refuses_in_the_database(&insert_erasure(&event_id, &cast.admin, "FALSE")).await;
    place.refuses_in_the_database(&insert_erasure("audit_none", &cast.person, "FALSE")).await;
    place.execute(&insert_erasure(&event_id, &cast.person, "FALSE")).await.expect("now it may");
    for refused in [
        "DELETE FROM audit_erasures",
        "UPDATE audit_erasures SET finished = FALSE",
        "UPDATE audit_erasures SET finished = TRUE, erased_at = '2027-01-01T00:00:00.000000Z'",
        "UPDATE audit_erasures SET finished = TRUE, person_id = 'person_anonymous'",
    ] {
        place.refuses_in_the_database(refused).await;
    }
    place.execute("UPDATE audit_erasures SET finished = TRUE").await.expect("finished");
    place.refuses_in_the_database("UPDATE audit_erasures SET finished = FALSE").await;
    match place.direct {
        Direct::Sqlite(_) => {
            let replace =
                insert_erasure(&event_id, &cast.person, "FALSE").replace("INSERT", "INSERT OR REPLACE");
            place.refuses_in_the_database(&replace).await;
            let trail = erasing(&cast.admin, &cast.person.id);
            let another = trail.first().event.id.clone();
            stores.audit.append(trail).await.expect("appended");
            for rowid in ["1", "-1", "0"] {
                let replace = insert_erasure(&another, &cast.person, "FALSE")
                    .replace("INSERT INTO audit_erasures (", "INSERT OR REPLACE INTO audit_erasures (rowid, ")
                    .replace("VALUES (", &format!("VALUES ({rowid}, "));
                place.refuses_in_the_database(&replace).await;
            }
        }
        Direct::Postgres(_) => place.refuses_in_the_database("TRUNCATE audit_erasures").await,
    }
}

async fn going_back_locks_the_trail_again(place: Place) {
    let cast = cast(&place.stores()).await;
    open_erasure(&place, &cast).await;
    let later = backends::sql::migrate::ALL.iter().filter(|step| step.version >= ERASURE).count();
    backends::sql::migrate::down(&place.database, Some(later)).await.expect("undone");
    place.refuses_in_the_database(&update(ACTOR, &cast.by_person)).await;
    place.refuses_in_the_database("DELETE FROM audit_logs").await;
    backends::sql::migrate::up(&place.database).await.expect("applied again");
    place.refuses_in_the_database(&update(ACTOR, &cast.by_person)).await;
}

async fn erasing_is_recorded_also_without_audit_log(place: Place) {
    let cast = cast(&place.stores()).await;
    let silent = place.with_key(7, false);
    let before = silent.audit_rows().await;
    let trail = erasing(&cast.admin, &cast.person.id);
    silent.people.delete_and_erase(&cast.person, now(), trail).await.expect("erased");
    assert_eq!(silent.audit_rows().await, before + 1);
}
