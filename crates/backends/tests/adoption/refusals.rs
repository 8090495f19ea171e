//! What cannot be adopted is refused in a sentence, all of it at once, and nothing is changed.

use backends::sql::SqlError;
use backends::sql::migrate;

use crate::fixture::{Fixture, on_both};

on_both!(
    one_address_of_several_people,
    columns_of_another_type,
    columns_that_cannot_take_what_we_store,
    columns_that_want_what_we_cannot_know,
    tables_that_are_something_else,
    a_status_without_a_value,
);

async fn refuses(fixture: &Fixture, change: &str, sentences: &[&str]) {
    fixture.secured().await;
    fixture.execute(change).await.expect(change);
    let before = fixture.rows().await;
    let plan = migrate::adoption(&fixture.database).await.expect("readable");
    let outcome = migrate::up(&fixture.database).await;
    let Err(SqlError::Bad(text)) = outcome else { panic!("{change}: {outcome:?}") };
    for sentence in sentences {
        assert!(text.contains(sentence), "{sentence}: {text}");
        assert!(plan.problems.iter().any(|problem| problem.contains(sentence)), "{sentence}: {plan:?}");
    }
    assert_eq!(fixture.rows().await, before);
    assert!(fixture.database.rows("SELECT canonical FROM person_emails", vec![]).await.is_err());
}

async fn one_address_of_several_people(fixture: Fixture) {
    let change = "INSERT INTO people (id, org_id, name, email, extra_data, sms_opt_in) VALUES \
                  ('person_dup', 'org_old', 'Dup', 'ann.k@example.com', '{}', {true})";
    let people = "Ann.K@Example.COM (person_ann), ann.k@example.com (person_dup)";
    refuses(&fixture, change, &[people]).await;
}

async fn columns_of_another_type(fixture: Fixture) {
    let change = "ALTER TABLE people DROP COLUMN timezone; ALTER TABLE people ADD COLUMN timezone INTEGER; \
                  ALTER TABLE people DROP COLUMN language; ALTER TABLE people ADD COLUMN language FLOAT";
    refuses(&fixture, change, &["people.timezone is integer, and must hold text", "people.language is "])
        .await;
}

async fn columns_that_cannot_take_what_we_store(fixture: Fixture) {
    let change = "ALTER TABLE people DROP COLUMN password_hash; \
                  ALTER TABLE people ADD COLUMN password_hash VARCHAR NOT NULL DEFAULT ''";
    refuses(&fixture, change, &["people.password_hash is NOT NULL, and must be allowed to be NULL"]).await;
}

async fn columns_that_want_what_we_cannot_know(fixture: Fixture) {
    let change = "DROP TABLE audit_logs; DROP TABLE user_security_settings; DELETE FROM people; \
                  DROP TABLE people; CREATE TABLE people (id VARCHAR PRIMARY KEY, org_id VARCHAR NOT NULL, name \
                  VARCHAR, email VARCHAR, password_hash VARCHAR, roles VARCHAR, extra_data JSON, updated_at {datetime}, \
                  calendar_token VARCHAR NOT NULL UNIQUE)";
    refuses(&fixture, change, &["people.calendar_token is NOT NULL without a default"]).await;
}

async fn tables_that_are_something_else(fixture: Fixture) {
    let change = "DROP TABLE user_security_settings; CREATE TABLE user_security_settings (owner VARCHAR)";
    refuses(&fixture, change, &["user_security_settings has no column user_id"]).await;
}

async fn a_status_without_a_value(fixture: Fixture) {
    let change = "ALTER TABLE people ADD COLUMN status VARCHAR";
    refuses(&fixture, change, &["people.status is NULL in 3 rows"]).await;
}
