//! Databases that somebody else made: what is added, what is left alone, what is refused, and the way back.

mod fixture;
mod refusals;

use accounts::model::Page;
use accounts::ports::{AuditCursor, AuditFilter, AuditPage, PersonPatch};
use backends::sql::migrate::{self, Applied};
use backends::stores::statements;
use fixture::{Fixture, on_both};
use testkit::contracts::stores::{new_organization, new_person, now, trail};

on_both!(
    it_adds_what_is_missing_tells_it_and_changes_no_row,
    its_people_are_read_and_changed_and_new_ones_join,
    what_clashes_is_left_alone_and_ours_gets_a_prefix,
    every_statement_is_valid_there,
    its_trail_is_read_page_by_page_and_closed,
    the_way_back_leaves_what_was_theirs,
    half_done_it_goes_on_where_it_was,
    constraints_that_allow_what_we_store_stay,
);

fn told(applied: &[Applied]) -> Vec<&str> {
    applied.iter().flat_map(|step| step.adoption.iter().map(String::as_str)).collect()
}

async fn it_adds_what_is_missing_tells_it_and_changes_no_row(fixture: Fixture) {
    fixture.secured().await;
    let before = fixture.rows().await;
    let plan = migrate::adoption(&fixture.database).await.expect("readable");
    assert_eq!(plan.problems, Vec::<String>::new());
    let applied = migrate::up(&fixture.database).await.expect("adopts");
    assert_eq!(fixture.rows().await, before);
    let told = told(&applied);
    for line in [
        "adopted people: its rows stay as they are",
        "added column people.status",
        "added column audit_logs.leaf_hash",
        "added column user_security_settings.credential_epoch",
        "left teams alone; ours is signupflow_teams",
        "kept index idx_audit_org_timestamp of audit_logs",
        "kept index idx_audit_org_action of audit_logs",
        "the index name idx_people_org is taken",
        "people.sms_opt_in wants a value",
        "person_cy cannot sign in: \"cy at home\"",
    ] {
        assert!(told.iter().any(|said| said.starts_with(line)), "{line}: {told:#?}");
    }
    assert_eq!(migrate::up(&fixture.database).await, Ok(vec![]));
    let plan = migrate::adoption(&fixture.database).await.expect("readable");
    assert!(plan.steps.iter().any(|step| step.starts_with("added column people.status")));
    assert_eq!(fixture.number("SELECT count(*) AS n FROM alembic_version").await, 1);
}

async fn its_people_are_read_and_changed_and_new_ones_join(fixture: Fixture) {
    fixture.secured().await;
    migrate::up(&fixture.database).await.expect("adopts");
    let stores = fixture.stores();
    let ann =
        stores.accounts.credentials_by_email("ann.k@example.com").await.expect("readable").expect("found");
    assert!(ann.password_hash.expect("a hash").starts_with("$2b$"));
    assert_eq!((ann.person.roles.len(), ann.organization_active), (2, true));
    let bob = stores.person("org_old", "person_bob").await;
    assert_eq!((bob.timezone.as_str(), bob.language.as_str(), bob.email.as_deref()), ("UTC", "en", None));
    let patch = PersonPatch { name: Some("New".into()), ..PersonPatch::default() };
    for person in [&ann.person, &bob] {
        stores.people.update(person, &patch, now(), trail()).await.expect("changed");
        let after = stores.person("org_old", &person.id).await;
        assert_eq!(after.name, "New");
        stores.people.set_roles(&after, &["admin".into()], now(), trail()).await.expect("changed");
    }
    let bob = stores.person("org_old", "person_bob").await;
    stores.people.delete(&bob, now(), trail()).await.expect("deleted");
    let church = stores.organizations.get("org_old").await.expect("readable").expect("there");
    let renamed = accounts::model::Organization { name: "New Church".into(), ..church.clone() };
    stores.organizations.update(&church, &renamed, now(), trail()).await.expect("changed");
    let mut person = new_person("org_old", &["volunteer"]);
    person.email_canonical = "dee@example.com".into();
    stores.accounts.create_person(&person, trail()).await.expect("joined");
    let second = new_organization();
    let founder = new_person(&second.id, &["admin"]);
    stores.accounts.found_organization(&second, &founder, trail()).await.expect("founded");
    assert_eq!(fixture.number("SELECT count(*) AS n FROM people WHERE reminders = 3").await, 3);
    assert_eq!(stores.people.list("org_old", &Page { after: None, limit: 10 }).await.expect("read").len(), 3);
}

async fn what_clashes_is_left_alone_and_ours_gets_a_prefix(fixture: Fixture) {
    fixture.original().await;
    migrate::up(&fixture.database).await.expect("adopts");
    let another = fixture.database.clone();
    assert!(another.rows("SELECT id FROM teams", vec![]).await.expect("ours").is_empty());
    assert_eq!(fixture.number("SELECT count(*) AS n FROM \"teams\"").await, 1);
    assert_eq!(fixture.number("SELECT count(*) AS n FROM signupflow_teams").await, 0);
}

async fn every_statement_is_valid_there(fixture: Fixture) {
    fixture.secured().await;
    migrate::up(&fixture.database).await.expect("adopts");
    for text in statements() {
        let prepared = fixture.database.prepare(text.sql, text.guarded).await;
        assert!(prepared.is_ok(), "{}: {prepared:?}", text.name);
    }
}

async fn its_trail_is_read_page_by_page_and_closed(fixture: Fixture) {
    fixture.secured().await;
    migrate::up(&fixture.database).await.expect("adopts");
    let stores = fixture.stores();
    let filter = AuditFilter { org_id: Some("org_old".into()), ..AuditFilter::default() };
    let (mut seen, mut before) = (Vec::new(), None);
    for _ in 0..4 {
        let page = AuditPage { limit: 1, offset: 0, after: before.take() };
        let rows = stores.audit.page(&filter, &page).await.expect("readable");
        let Some(last) = rows.last() else { break };
        seen.push(last.id.clone());
        before = Some(AuditCursor { timestamp: last.timestamp, id: last.id.clone() });
    }
    assert_eq!(seen, ["log_3", "log_1", "log_2"]);
    for change in ["UPDATE audit_logs SET status = 'x'", "DELETE FROM audit_logs"] {
        let refused = fixture.execute(change).await.expect_err(change);
        assert!(refused.contains("append-only"), "{refused}");
    }
}

async fn the_way_back_leaves_what_was_theirs(fixture: Fixture) {
    fixture.secured().await;
    let before = fixture.rows().await;
    for _ in 0..2 {
        migrate::up(&fixture.database).await.expect("adopts");
        migrate::down(&fixture.database, None).await.expect("goes back");
        assert_eq!(fixture.rows().await, before);
        assert_eq!(fixture.number("SELECT count(*) AS n FROM audit_logs").await, 3);
        assert_eq!(fixture.number("SELECT count(*) AS n FROM teams").await, 1);
        fixture.execute("DROP INDEX idx_audit_org_action").await.expect("theirs is there");
        fixture
            .execute("CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, timestamp)")
            .await
            .expect("again");
        for gone in ["SELECT status FROM people", "SELECT canonical FROM audit_logs"] {
            assert!(fixture.database.rows(gone, vec![]).await.is_err(), "{gone}");
        }
        fixture.execute("DELETE FROM audit_logs WHERE id = 'absent'").await.expect("no trigger is left");
    }
}

async fn half_done_it_goes_on_where_it_was(fixture: Fixture) {
    fixture.secured().await;
    let before = fixture.rows().await;
    for at in 0..12 {
        let limit = std::time::Duration::from_millis(at * 4);
        let _ = tokio::time::timeout(limit, migrate::up(&fixture.database)).await;
    }
    migrate::up(&fixture.database).await.expect("goes on");
    assert!(migrate::pending(&fixture.database).await.expect("readable").is_empty());
    assert_eq!(fixture.rows().await, before);
    let ann = fixture.stores().accounts.credentials_by_email("ann.k@example.com").await.expect("readable");
    assert!(ann.is_some());
}

/// Checks, a key of two columns beside a unique id, and columns that want values: people join, are locked and go.
async fn constraints_that_allow_what_we_store_stay(fixture: Fixture) {
    let change = "DROP TABLE audit_logs; DROP TABLE user_security_settings; DROP TABLE people; CREATE TABLE people (
        id VARCHAR NOT NULL UNIQUE, org_id VARCHAR NOT NULL REFERENCES organizations (id), name VARCHAR NOT NULL \
        CHECK (length(name) > 0), email VARCHAR, password_hash VARCHAR, roles JSON, updated_at {datetime}, \
        status VARCHAR(8) DEFAULT 'active' NOT NULL CHECK (status IN ('active', 'locked', 'deleted', 'reserved')), \
        extra_data JSON NOT NULL, points INTEGER NOT NULL CHECK (points >= 0), PRIMARY KEY (org_id, id), \
        CONSTRAINT reachable CHECK (status <> 'active' OR email IS NOT NULL))";
    fixture.secured().await;
    fixture.execute(change).await.expect(change);
    migrate::up(&fixture.database).await.expect("adopts");
    let stores = fixture.stores();
    let organization = new_organization();
    let founder = new_person(&organization.id, &["admin"]);
    stores.accounts.found_organization(&organization, &founder, trail()).await.expect("founded");
    let person = stores.joined(&organization.id, &["usher"]).await;
    stores.people.set_locked(&person, true, now(), trail(), vec![]).await.expect("locked");
    let person = stores.person(&organization.id, &person.id).await;
    stores.people.delete(&person, now(), trail()).await.expect("deleted");
    for number in [-1, 0] {
        let change = format!("UPDATE people SET points = {number}");
        assert_eq!(fixture.execute(&change).await.is_ok(), number == 0, "their constraint still holds");
    }
}
