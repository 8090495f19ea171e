//! What the two rows of an audited creation cost SQLite alone, as one JSON object: prepared once, so many creations a
//! commit, with the server's settings, nothing beside it. Microseconds a creation.
//!
//! `sqlite-floor CREATIONS A_COMMIT ROWS_A_STATEMENT`

use std::time::Instant;

use backends::sql::{Database, migrate};
use rusqlite::{Connection, Statement, params_from_iter};
use serde_json::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const EVENT: (&str, usize) = (
    "INSERT INTO events (id, org_id, title, type, start_time, end_time, location, description, required_roles, \
     created_by, created_at, updated_at) VALUES ",
    12,
);
const AUDIT: (&str, usize) = (
    "INSERT INTO audit_logs (id, timestamp, org_id, user_id, user_email, user_roles, action, resource_type, \
     resource_id, resource_name, changes, ip_address, user_agent, request_id, status, error_message, canonical, \
     leaf_hash, commitment_salt) VALUES ",
    19,
);
const MOMENT: &str = "2027-05-01T09:00:00.000000Z";

fn several((text, columns): (&str, usize), rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("{text}{}", vec![row.as_str(); rows].join(", "))
}

/// A row's values; what is a blob in the table is one here.
fn event(number: usize) -> Vec<rusqlite::types::Value> {
    let id = format!("event_01987654-3210-7000-8000-{number:012x}");
    [
        &*id,
        "org_system",
        "Beach cleanup",
        "service",
        MOMENT,
        MOMENT,
        "",
        "",
        "[]",
        "person_anonymous",
        MOMENT,
        MOMENT,
    ]
    .map(|text| text.to_owned().into())
    .into()
}

fn audit(number: usize) -> Vec<rusqlite::types::Value> {
    let id = format!("audit_01987654-3210-7000-8000-{number:012x}");
    let about = format!("event_01987654-3210-7000-8000-{number:012x}");
    let changes = "x".repeat(280);
    let texts: [&str; 16] = [
        &id,
        MOMENT,
        "org_system",
        "person_anonymous",
        "ada@example.com",
        "[\"admin\"]",
        "event.create",
        "event",
        &about,
        "Beach cleanup",
        &changes,
        "127.0.0.1",
        "wrk",
        &about,
        "success",
        "",
    ];
    let mut row: Vec<rusqlite::types::Value> = texts.map(|text| text.to_owned().into()).into();
    row.extend([vec![b'x'; 900], vec![0; 32], vec![0; 16]].map(rusqlite::types::Value::from));
    row
}

fn store(
    statement: &mut Statement<'_>,
    rows: std::ops::Range<usize>,
    each: fn(usize) -> Vec<rusqlite::types::Value>,
    at_once: usize,
) -> rusqlite::Result<()> {
    for first in rows.step_by(at_once) {
        statement.execute(params_from_iter((first..first + at_once).flat_map(each)))?;
    }
    Ok(())
}

fn measure(
    connection: &Connection,
    creations: usize,
    a_commit: usize,
    at_once: usize,
) -> Result<f64, Failure> {
    let mut events = connection.prepare(&several(EVENT, at_once))?;
    let mut audits = connection.prepare(&several(AUDIT, at_once))?;
    let begun = Instant::now();
    for first in (0..creations).step_by(a_commit) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        store(&mut events, first..first + a_commit, event, at_once)?;
        store(&mut audits, first..first + a_commit, audit, at_once)?;
        connection.execute_batch("COMMIT")?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    Ok(begun.elapsed().as_secs_f64() * 1e6 / creations as f64)
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the figures are its output")]
async fn main() -> Result<(), Failure> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [creations, a_commit, at_once] = numbers[..] else {
        return Err("usage: sqlite-floor CREATIONS A_COMMIT ROWS_A_STATEMENT".into());
    };
    let folder = tempfile::tempdir_in(".")?;
    let path = folder.path().join("data.sqlite");
    let database = Database::open_sqlite(&path).await?;
    migrate::up(&database).await?;
    database.close().await;
    let connection = Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=4096; PRAGMA cache_size=-8192",
    )?;
    let each = measure(&connection, creations, a_commit, at_once)?;
    println!("{}", json!({"creation_us": each}));
    Ok(())
}
