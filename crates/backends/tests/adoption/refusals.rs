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
    a_constraint_that_forbids_a_word_of_ours,
    a_constraint_that_forbids_what_a_column_is_filled_with,
    a_key_of_several_columns,
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

async fn a_constraint_that_forbids_a_word_of_ours(fixture: Fixture) {
    let change = "ALTER TABLE people ADD COLUMN status VARCHAR DEFAULT 'active' NOT NULL \
                  CONSTRAINT known_status CHECK (status IN ('active', 'inactive'))";
    refuses(&fixture, change, &["CHECK (", "with status = 'locked'", "with status = 'deleted'", "people: "])
        .await;
}

const ANOTHER_PEOPLE: &str = "DROP TABLE audit_logs; DROP TABLE user_security_settings; DROP TABLE people; \
    CREATE TABLE people (id VARCHAR NOT NULL, org_id VARCHAR NOT NULL, name VARCHAR, email VARCHAR, \
    password_hash VARCHAR, roles VARCHAR, extra_data JSON, updated_at {datetime}, ";

async fn a_constraint_that_forbids_what_a_column_is_filled_with(fixture: Fixture) {
    let change = format!(
        "{ANOTHER_PEOPLE} tone VARCHAR NOT NULL, PRIMARY KEY (id), CHECK (tone IN ('calm', 'loud')))"
    );
    refuses(&fixture, &change, &["with tone = ''"]).await;
}

async fn a_key_of_several_columns(fixture: Fixture) {
    let change = format!("{ANOTHER_PEOPLE} PRIMARY KEY (org_id, id))");
    refuses(
        &fixture,
        &change,
        &["people.id does not tell rows apart alone", "add a UNIQUE constraint over id"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_list_their_values() {
    let change = "CREATE TYPE person_status AS ENUM ('active', 'locked'); \
                  ALTER TABLE people ADD COLUMN status person_status DEFAULT 'active' NOT NULL";
    let advice = "ALTER TABLE people ALTER COLUMN status TYPE varchar USING status::text";
    let fixture = Fixture::postgres().await;
    refuses(&fixture, change, &["people.status is person_status, and must hold text", advice]).await;
    fixture.execute(advice).await.expect("as advised");
    migrate::up(&fixture.database).await.expect("adopts");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_too_short() {
    let fixture = Fixture::postgres().await;
    let change = "ALTER TABLE people ALTER COLUMN password_hash TYPE VARCHAR(60)";
    let advice = "ALTER TABLE people ALTER COLUMN password_hash TYPE varchar";
    refuses(&fixture, change, &["people.password_hash takes 60 characters", advice]).await;
    fixture.execute(advice).await.expect("as advised");
    migrate::up(&fixture.database).await.expect("adopts");
}
