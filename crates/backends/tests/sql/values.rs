//! Every kind of value comes back as it went in, on both engines.

use backends::sql::{SqlError, Value};
use hardening::clock::Timestamp;
use serde_json::json;

use crate::harness::{Fixture, insert, is_bad, unit};
use crate::on_both;

on_both!(
    every_value_round_trips,
    every_value_may_be_null,
    nul_is_refused,
    times_are_ordered_and_exact,
    order_of_parameters_does_not_matter,
    a_parameter_may_be_used_twice_and_cast,
    unused_and_missing_parameters_are_refused,
    wrong_types_and_columns_are_told,
    an_encoding_error_in_the_middle_stores_nothing,
);

const WRITE: &str = "INSERT INTO samples (id, truth, number, words, octets, moment, document) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const READ: &str = "SELECT truth, number, words, octets, moment, document FROM samples WHERE id = $1";

async fn every_value_round_trips(fixture: Fixture) {
    let moment = Timestamp::from_micros(1_700_000_000_123_456);
    let document = json!({"a": [1, null, "ü"], "b": {"c": true}});
    let words = "naïve \u{1F600} 'quoted' $1 \\";
    let params = vec![
        "a".into(),
        true.into(),
        i64::MIN.into(),
        words.into(),
        vec![0_u8, 255, 1].into(),
        moment.into(),
        document.clone().into(),
    ];
    let mut change = unit();
    change.run(WRITE, params);
    assert_eq!(fixture.database.commit(change).await.expect("stored").rows(0), 1);
    let row = fixture.database.row(READ, vec!["a".into()]).await.expect("readable").expect("there");
    assert_eq!(row.bool("truth"), Ok(true));
    assert_eq!(row.int("number"), Ok(i64::MIN));
    assert_eq!(row.text("words").as_deref(), Ok(words));
    assert_eq!(row.bytes("octets"), Ok(vec![0, 255, 1]));
    assert_eq!(row.time("moment"), Ok(moment));
    assert_eq!(row.json("document"), Ok(document));
}

async fn every_value_may_be_null(fixture: Fixture) {
    let mut params = vec![Value::from("a")];
    params.resize(7, Value::Null);
    let mut change = unit();
    change.run(WRITE, params);
    fixture.database.commit(change).await.expect("stored");
    let row = fixture.database.row(READ, vec!["a".into()]).await.expect("readable").expect("there");
    assert_eq!(row.opt_bool("truth"), Ok(None));
    assert_eq!(row.opt_int("number"), Ok(None));
    assert_eq!(row.opt_text("words"), Ok(None));
    assert_eq!(row.opt_bytes("octets"), Ok(None));
    assert_eq!(row.opt_time("moment"), Ok(None));
    assert_eq!(row.opt_json("document"), Ok(None));
    assert!(is_bad(&row.int("number")), "NULL where a value is expected");
}

async fn nul_is_refused(fixture: Fixture) {
    assert!(is_bad(&fixture.database.commit(insert("a\0")).await));
    assert!(is_bad(&fixture.database.rows(READ, vec!["a\0".into()]).await));
    let mut change = unit();
    change.run("UPDATE samples SET document = $1", vec![json!({"a": "\0"}).into()]);
    assert!(is_bad(&fixture.database.commit(change).await));
}

async fn times_are_ordered_and_exact(fixture: Fixture) {
    let times = [0, 1, 999_999, 1_000_000, 946_684_799_999_999, Timestamp::MAX.micros()];
    for (at, micros) in times.iter().enumerate() {
        let mut change = unit();
        let params = vec![format!("{at}").into(), Timestamp::from_micros(*micros).into()];
        change.run("INSERT INTO samples (id, moment) VALUES ($1, $2)", params);
        fixture.database.commit(change).await.expect("stored");
    }
    let after = Timestamp::from_micros(1);
    let rows = fixture
        .database
        .rows("SELECT moment FROM samples WHERE moment > $1 ORDER BY moment", vec![after.into()])
        .await
        .expect("readable");
    let read: Vec<i64> = rows.iter().map(|row| row.time("moment").expect("a time").micros()).collect();
    assert_eq!(read, times[2..]);
}

async fn order_of_parameters_does_not_matter(fixture: Fixture) {
    let mut change = unit();
    change.run("INSERT INTO items (label, id) VALUES ($2, $1)", vec!["the id".into(), "the label".into()]);
    fixture.database.commit(change).await.expect("stored");
    let row = fixture
        .database
        .row(
            "SELECT label FROM items WHERE label = $2 AND id = $1",
            vec!["the id".into(), "the label".into()],
        )
        .await
        .expect("readable");
    assert!(row.is_some());
}

async fn a_parameter_may_be_used_twice_and_cast(fixture: Fixture) {
    let database = &fixture.database;
    database.commit(insert("a")).await.expect("stored");
    let sql = "SELECT id FROM items WHERE $1 IS NULL OR id = $1";
    let sql = backends::sql::Sql::pair(sql, "SELECT id FROM items WHERE $1::text IS NULL OR id = $1");
    assert_eq!(database.rows(sql, vec![Value::Null]).await.expect("readable").len(), 1);
    assert_eq!(database.rows(sql, vec!["b".into()]).await.expect("readable").len(), 0);
}

async fn unused_and_missing_parameters_are_refused(fixture: Fixture) {
    let database = &fixture.database;
    let one = "SELECT id FROM items WHERE id = $1";
    assert!(is_bad(&database.rows(one, vec![]).await));
    assert!(is_bad(&database.rows(one, vec!["a".into(), "b".into()]).await));
    assert!(is_bad(&database.rows("SELECT id FROM items WHERE id = $2", vec!["a".into(), "b".into()]).await));
    let mut change = unit();
    change.run("DELETE FROM items WHERE id = $1", vec!["a".into(), "b".into()]);
    assert!(is_bad(&database.commit(change).await));
}

async fn wrong_types_and_columns_are_told(fixture: Fixture) {
    let database = &fixture.database;
    database.commit(insert("a")).await.expect("stored");
    let row = database.row("SELECT id, n FROM items", vec![]).await.expect("readable").expect("there");
    assert!(is_bad(&row.int("id")) && is_bad(&row.text("n")) && is_bad(&row.text("absent")));
    assert!(is_bad(&database.rows("SELECT absent FROM items", vec![]).await));
}

async fn an_encoding_error_in_the_middle_stores_nothing(fixture: Fixture) {
    let mut change = insert("a");
    // STRICT tables and the server's parameter types both refuse a text for a number.
    change.run("UPDATE items SET n = $1", vec!["many".into()]);
    change.run("INSERT INTO items (id) VALUES ($1)", vec!["b".into()]);
    let outcome = fixture.database.commit(change).await;
    assert!(matches!(outcome, Err(SqlError::Bad(_))), "{outcome:?}");
    assert_eq!(fixture.count().await, 0);
    fixture.database.commit(insert("c")).await.expect("the connection is clean");
}
