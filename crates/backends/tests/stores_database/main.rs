//! What the database itself guards, and what is in it: seen past the stores, over connections of our own.

mod erasure;
mod place;
mod plans;

use accounts::error::{Error, Refusal};
use accounts::ports::{FailedSignIn, MailStatus};
use hardening::clock::Timestamp;
use hardening::entropy::OsEntropy;
use hardening::fault::Fault;
use hardening::one_time_token::Purpose;
use hardening::session::SessionId;
use place::{Direct, Place, on_both};
use testkit::contracts::stores::{Stores, grant, in_an_hour, mail, new_organization, new_person, now, trail};

on_both!(
    audit_rows_can_be_neither_changed_nor_deleted,
    what_cannot_be_audited_does_not_happen,
    without_audit_log_changes_still_work,
    waiting_mail_is_unreadable_and_erased_when_settled,
    a_mail_no_key_opens_is_given_up,
    missing_settings_rows_are_made,
    deleting_leaves_no_secret_behind,
);

async fn audit_rows_can_be_neither_changed_nor_deleted(place: Place) {
    let stores = place.stores();
    stores.founded().await;
    let before = stores.audit_rows().await;
    place.refuses_in_the_database("UPDATE audit_logs SET status = 'failure'").await;
    place.refuses_in_the_database("DELETE FROM audit_logs").await;
    match place.direct {
        Direct::Sqlite(_) => {
            let replace = "INSERT OR REPLACE INTO audit_logs SELECT * FROM audit_logs";
            place.refuses_in_the_database(replace).await;
            for rowid in ["rowid", "-1", "0"] {
                place.refuses_in_the_database(&put_over_a_row(rowid)).await;
            }
            place.refuses_in_the_database("UPDATE OR REPLACE audit_logs SET rowid = 1").await;
        }
        Direct::Postgres(_) => {
            place.refuses_in_the_database("TRUNCATE audit_logs").await;
            place.execute("SET session_replication_role = replica").await.expect("a superuser may");
            place.refuses_in_the_database("UPDATE audit_logs SET status = 'failure'").await;
            place.refuses_in_the_database("DELETE FROM audit_logs").await;
            place.refuses_in_the_database("TRUNCATE audit_logs").await;
        }
    }
    assert_eq!(stores.audit_rows().await, before);
}

/// The first row of the trail written once more, with another id, at a place of one's choice.
fn put_over_a_row(rowid: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO audit_logs (rowid, id, timestamp, org_id, user_id, user_email, user_roles, action, \
         resource_type, resource_id, status, canonical, leaf_hash) SELECT {rowid}, 'audit_new', timestamp, org_id, user_id, \
         user_email, user_roles, action, resource_type, resource_id, status, canonical, leaf_hash FROM audit_logs \
         ORDER BY audit_logs.rowid LIMIT 1"
    )
}

async fn what_cannot_be_audited_does_not_happen(place: Place) {
    let stores = place.stores();
    let (organization, before) = stores.founded().await;
    let broken = match place.direct {
        Direct::Sqlite(_) => {
            "CREATE TRIGGER broken BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, 'no room'); END"
        }
        Direct::Postgres(_) => {
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'no room'; END $$; \
             CREATE TRIGGER broken BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION broken()"
        }
    };
    place.execute(broken).await.expect("made");
    let rows = stores.audit_rows().await;

    let patch = accounts::ports::PersonPatch { name: Some("Bo".into()), ..Default::default() };
    let second = new_organization();
    let founder = new_person(&second.id, &["admin"]);
    let outcomes = [
        stores.people.update(&before, &patch, now(), trail()).await,
        stores.people.set_roles(&before, &["admin".into(), "usher".into()], now(), trail()).await,
        stores.accounts.raise_epoch(&before.id, now(), trail()).await,
        stores.accounts.found_organization(&second, &founder, trail()).await,
        stores.accounts.create_person(&new_person(&organization.id, &[]), trail()).await,
        stores.organizations.delete(&organization.id, std::slice::from_ref(&before.id), now(), trail()).await,
        stores.audit.append(trail()).await.map_err(Error::Fault),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(Error::Fault(Fault::Internal(_)))), "{outcome:?}");
    }
    assert_eq!(stores.person(&organization.id, &before.id).await, before);
    assert_eq!(stores.epochs(&before.id).await, (0, 0));
    assert_eq!(stores.organizations.everybody(&organization.id).await.expect("readable").len(), 1);
    assert_eq!(stores.audit_rows().await, rows);
    place
        .execute(match place.direct {
            Direct::Sqlite(_) => "DROP TRIGGER broken",
            Direct::Postgres(_) => "DROP TRIGGER broken ON audit_logs",
        })
        .await
        .expect("dropped");
    stores.people.update(&before, &patch, now(), trail()).await.expect("works again");
}

async fn without_audit_log_changes_still_work(place: Place) {
    let stores = place.with_key(7, false);
    let (_, person) = stores.founded().await;
    stores.accounts.raise_epoch(&person.id, now(), trail()).await.expect("raised");
    stores.audit.append(trail()).await.expect("taken");
    assert_eq!((stores.epochs(&person.id).await, stores.audit_rows().await), ((1, 0), 0));
    let stale = accounts::model::Person { updated_at: Timestamp::EPOCH, ..person };
    let patch = accounts::ports::PersonPatch::default();
    let outcome = stores.people.update(&stale, &patch, now(), trail()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refusal::Conflict))));
}

async fn enqueue(stores: &Stores, mails: Vec<accounts::outbox::Mail>) {
    let change = FailedSignIn {
        person_id: None,
        account_key: None,
        locks: Vec::new(),
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    };
    stores.accounts.record_failed_sign_in(change, trail(), mails).await.expect("stored");
}

async fn waiting_mail_is_unreadable_and_erased_when_settled(place: Place) {
    let stores = place.stores();
    let mail = mail(None);
    let plain = String::from_utf8(mail.to_bytes().expose().clone()).expect("JSON");
    enqueue(&stores, vec![mail.clone()]).await;
    let sql = "SELECT content FROM outbox_messages";
    let row = place.database.row(sql, vec![]).await.expect("readable").expect("stored");
    let octets = row.bytes("content").expect("octets");
    let readable = String::from_utf8_lossy(&octets);
    for word in ["ann@example.com", "unlock_token", &plain[40..60]] {
        assert!(!readable.contains(word), "{word} can be read");
    }
    stores.outbox.settle(&mail.id, MailStatus::Delivered, None, now()).await.expect("settled");
    assert_eq!(place.number("SELECT count(content) AS n FROM outbox_messages").await, 0);
}

async fn a_mail_no_key_opens_is_given_up(place: Place) {
    let (stores, other_key) = (place.stores(), place.with_key(8, true));
    let mails = [mail(None), mail(None), mail(None)];
    enqueue(&other_key, vec![mails[0].clone(), mails[1].clone()]).await;
    enqueue(&stores, vec![mails[2].clone()]).await;
    place
        .execute(&format!(
            "UPDATE outbox_messages SET content = (SELECT b.content FROM outbox_messages b WHERE b.id = '{}') \
             WHERE id = '{}'",
            mails[2].id, mails[1].id
        ))
        .await
        .expect("a content is moved");
    let due = stores.outbox.claim(10, now(), in_an_hour()).await.expect("no fault");
    assert_eq!(due.iter().map(|due| &due.id).collect::<Vec<_>>(), [&mails[2].id]);
    let rows = stores.outbox.list(10).await.expect("readable");
    for mail in &mails[..2] {
        let row = rows.iter().find(|row| row.id == mail.id).expect("listed");
        assert_eq!(
            (&*row.status, row.last_error.as_deref()),
            ("dead", Some("no key opens the stored content"))
        );
    }
}

/// As in an adopted database.
async fn missing_settings_rows_are_made(place: Place) {
    let stores = place.stores();
    let (organization, person) = stores.founded().await;
    let rows = "SELECT count(*) AS n FROM user_security_settings";
    assert_eq!(place.number(rows).await, 0, "none is made before it is needed");
    assert_eq!(place.number("SELECT count(*) AS n FROM organization_settings").await, 0);
    let change = FailedSignIn {
        person_id: Some(person.id.clone()),
        account_key: Some("key".into()),
        locks: Vec::new(),
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    };
    for _ in 0..2 {
        stores.accounts.record_failed_sign_in(change.clone(), trail(), vec![]).await.expect("stored");
    }
    assert_eq!(place.number("SELECT failed_login_attempts AS n FROM user_security_settings").await, 2);
    assert_eq!(stores.epochs(&person.id).await, (0, 0));
    let changes = stores.accounts.changes_since(Timestamp::EPOCH).await.expect("readable");
    assert!(changes.epochs.is_empty(), "an epoch that never moved is no news");
    let success = accounts::ports::SuccessfulSignIn {
        person_id: person.id.clone(),
        credential_epoch: 0,
        upgraded_hash: None,
        forgives_account_key: Some("key".into()),
        displaced: vec![],
        not_me_grant: None,
        at: now(),
    };
    stores.accounts.record_sign_in(success, trail(), vec![]).await.expect("stored");
    assert_eq!(place.number("SELECT failed_login_attempts AS n FROM user_security_settings").await, 0);
    stores.organizations.update(&organization, &organization, now(), trail()).await.expect("stored");
    assert_eq!(place.number("SELECT count(*) AS n FROM organization_settings").await, 1);
}

async fn deleting_leaves_no_secret_behind(place: Place) {
    let stores = place.stores();
    let (organization, _) = stores.founded().await;
    let person = stores.joined(&organization.id, &["usher"]).await;
    let session = SessionId::generate(&OsEntropy);
    let change = FailedSignIn {
        person_id: Some(person.id.clone()),
        account_key: Some("key".into()),
        locks: Vec::new(),
        unlock_grant: Some(grant(&person, Purpose::Unlock)),
        raise_epoch: true,
        at: now(),
    };
    stores
        .accounts
        .record_failed_sign_in(change, trail(), vec![mail(Some(&person.id))])
        .await
        .expect("stored");
    place
        .execute(&format!(
            "UPDATE user_security_settings SET totp_secret = 'secret', totp_enabled = TRUE, \
               recovery_codes = '[\"code\"]';
             INSERT INTO sessions (id, person_id, created_at, expires_at, record) VALUES ('{session}', '{}', \
               '2026-01-01T00:00:00.000000Z', '2036-01-01T00:00:00.000000Z', '{{}}');",
            person.id
        ))
        .await
        .expect("prepared");
    let person = stores.person(&organization.id, &person.id).await;
    assert!(person.two_factor_enabled);
    stores.people.delete(&person, now(), trail()).await.expect("deleted");
    for left in [
        "SELECT count(totp_secret) + count(recovery_codes) AS n FROM user_security_settings",
        "SELECT count(*) AS n FROM sessions",
        "SELECT count(*) AS n FROM one_time_tokens",
        "SELECT count(content) AS n FROM outbox_messages",
        "SELECT count(email) AS n FROM people WHERE status = 'deleted'",
    ] {
        assert_eq!(place.number(left).await, 0, "{left}");
    }
}
