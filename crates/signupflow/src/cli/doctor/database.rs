//! The database: does it answer, is it up to date, can it be written, does it guard the audit log.

use std::time::Duration;

use backends::sql::migrate::{self, State};
use backends::sql::{Database, Engine, Sql, SqlError, Unit};
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::key_check::Verdict;

use super::{Check, Fault};
use crate::config::{self, Config};
use crate::wiring::stored_factors::StoredFactors;
use crate::wiring::{key_checks, open_database};

/// A server that takes longer to answer is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far two clocks may differ: less than a step of a one-time code.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(15);

const TITLE: &str = "Database";
const TRIGGERS: Sql = Sql::pair(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('audit_logs', 'audit_erasures')",
    "SELECT tgname::text AS name FROM pg_catalog.pg_trigger \
     WHERE tgrelid IN (to_regclass('audit_logs'), to_regclass('audit_erasures')) AND tgenabled = 'A' AND NOT tgisinternal",
);
/// Each guards against one way of changing a row that was written.
const NEEDED_SQLITE: [&str; 11] = [
    "audit_logs_no_update",
    "audit_logs_no_delete",
    "audit_logs_no_replace",
    "audit_erasures_guarded",
    "audit_erasures_no_update",
    "audit_erasures_no_delete",
    "audit_erasures_no_replace",
    "audit_logs_no_replace_in_place",
    "audit_logs_no_odd_place",
    "audit_erasures_no_replace_in_place",
    "audit_erasures_no_odd_place",
];
const NEEDED_POSTGRES: [&str; 4] = [
    "audit_logs_no_change",
    "audit_logs_no_truncate",
    "audit_erasures_guarded",
    "audit_erasures_no_truncate",
];
/// Hits nothing, and still needs the right and the room to write.
const WRITE_TEST: Sql = Sql::same("DELETE FROM attempt_journal WHERE id = $1");
/// Ids begin with their time.
const NEWEST: Sql = Sql::same("SELECT timestamp FROM audit_logs ORDER BY id DESC LIMIT 1");

pub(super) async fn examine(config: &Config) -> Vec<Check> {
    if let config::Database::Embedded { file } = &config.database
        && !file.exists()
    {
        let why = format!("{} is not there yet; the first start makes it", file.display());
        return vec![Check::skip("database", TITLE, why)];
    }
    let opened = tokio::time::timeout(PATIENCE, open_database(config)).await;
    let database = match opened {
        Ok(Ok(database)) => database,
        Ok(Err(error)) => return vec![away(config, &error.to_string()).because_of((&error).into())],
        Err(_) => return vec![away(config, "it does not answer")],
    };
    let checks = tokio::time::timeout(PATIENCE, examine_open(config, &database)).await;
    let checks = checks.unwrap_or_else(|_| vec![away(config, "it stopped answering")]);
    database.close().await;
    checks
}

fn away(config: &Config, detail: &str) -> Check {
    let fix = if config.database.is_embedded() {
        "see that the user that runs the server owns the file, and that the disk has room"
    } else {
        "see that PostgreSQL runs, and that host, port, user and password in DATABASE_URL are right"
    };
    Check::fail("database", TITLE, detail, fix).because_of(Fault::Backend)
}

async fn examine_open(config: &Config, database: &Database) -> Vec<Check> {
    let engine = match database.engine() {
        Engine::Sqlite => "SQLite answers",
        Engine::Postgres => "PostgreSQL answers",
    };
    let mut checks = vec![Check::pass("database", TITLE, engine)];
    let (migrations, ready) = migrations(database).await;
    checks.push(migrations);
    if ready {
        checks.push(writable(database).await);
        checks.push(audit_guards(database).await);
        checks.push(clock(database).await);
        checks.push(keys(config, database).await);
        checks.push(second_factors(config, database).await);
    }
    checks
}

/// Whether the keys are those the database was used with.
async fn keys(config: &Config, database: &Database) -> Check {
    const ID: &str = "keys";
    const TITLE: &str = "Keys belong to the database";
    let mut said = Vec::new();
    for key in key_checks::configured(&config.secrets) {
        match key.examine(database).await {
            Ok((Verdict::Foreign | Verdict::Older, words)) => {
                return Check::fail(ID, TITLE, words, "give all nodes the keys the others have");
            }
            Ok((_, words)) => said.push(words),
            Err(fault) => return Check::fail(ID, TITLE, fault.to_string(), "see the log of the database"),
        }
    }
    Check::pass(ID, TITLE, said.join("; "))
}

/// Whether the keys open the second factors that are stored.
async fn second_factors(config: &Config, database: &Database) -> Check {
    const ID: &str = "second_factors";
    const TITLE: &str = "Second factors can be read";
    match StoredFactors::tried(&config.secrets, database).await {
        Ok(found) => match found.complaint() {
            None => Check::pass(ID, TITLE, format!("{} of those that are stored were tried", found.readable)),
            Some(complaint) => {
                let fix = "give the key they were stored under beside the one that is set, then run: signupflow keys \
                           rotate; or reset them: signupflow admin reset-2fa";
                Check::fail(ID, TITLE, complaint, fix)
            }
        },
        Err(fault) => Check::fail(ID, TITLE, fault.to_string(), "see the log of the database"),
    }
}

async fn migrations(database: &Database) -> (Check, bool) {
    const ID: &str = "migrations";
    const TITLE: &str = "Tables";
    let all = match migrate::status(database).await {
        Ok(all) => all,
        Err(error) => return (broken(ID, TITLE, &error), false),
    };
    if let Some(odd) = all.iter().find(|s| matches!(s.state, State::Changed(_) | State::Unknown(_))) {
        let detail = format!("migration {} {} is not the one this program knows", odd.version, odd.name);
        return (Check::fail(ID, TITLE, detail, "use the version of the program that applied it"), false);
    }
    let pending = all.iter().filter(|status| status.state == State::Pending).count();
    if pending > 0 {
        let detail = format!("{pending} migrations are pending");
        return match migrate::adoption(database).await {
            Ok(plan) if plan.problems.is_empty() => {
                (Check::fail(ID, TITLE, detail, "run: signupflow migrate up"), false)
            }
            Ok(plan) => {
                let detail = format!("{detail}, and the tables cannot be adopted: {plan}");
                (Check::fail(ID, TITLE, detail, "put that right, then run: signupflow migrate up"), false)
            }
            Err(error) => (broken(ID, TITLE, &error), false),
        };
    }
    let adopted = match migrate::adoption(database).await {
        Ok(plan) if plan.steps.is_empty() => String::new(),
        Ok(plan) => format!("; tables of another program are adopted: {}", plan.steps.join("; ")),
        Err(error) => return (broken(ID, TITLE, &error), false),
    };
    (Check::pass(ID, TITLE, format!("{} migrations applied, none pending{adopted}", all.len())), true)
}

fn broken(id: &'static str, title: &str, error: &SqlError) -> Check {
    Check::fail(id, title, error.to_string(), "see the log of the database")
}

async fn writable(database: &Database) -> Check {
    const ID: &str = "database_writable";
    const TITLE: &str = "Database can be written";
    let mut unit = Unit::housekeeping("write test of the doctor");
    unit.run(WRITE_TEST, vec!["doctor".into()]);
    match database.commit(unit).await {
        Ok(_) => Check::pass(ID, TITLE, "yes"),
        Err(error) => {
            let fix = "give the user the right to write, make room on the disk, and see that the server is no \
                       read-only replica";
            Check::fail(ID, TITLE, error.to_string(), fix)
        }
    }
}

async fn audit_guards(database: &Database) -> Check {
    const ID: &str = "audit_protection";
    const TITLE: &str = "Audit log cannot be changed";
    let needed: &[&str] = match database.engine() {
        Engine::Sqlite => &NEEDED_SQLITE,
        Engine::Postgres => &NEEDED_POSTGRES,
    };
    let rows = match database.rows(TRIGGERS, Vec::new()).await {
        Ok(rows) => rows,
        Err(error) => return broken(ID, TITLE, &error),
    };
    let found: Vec<String> = rows.iter().filter_map(|row| row.text("name").ok()).collect();
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !found.iter().any(|n| n == name)).collect();
    if missing.is_empty() {
        return Check::pass(ID, TITLE, "the database refuses to change or delete rows");
    }
    let detail = format!("triggers are missing or not always on: {}", missing.join(", "));
    let fix = "somebody removed them: find out who and why, and bring the database back from a backup";
    Check::fail(ID, TITLE, detail, fix)
}

async fn clock(database: &Database) -> Check {
    const ID: &str = "clock";
    const TITLE: &str = "Clock";
    const FIX: &str = "let chrony or systemd-timesyncd set the clocks of all machines";
    let here = SystemClock.now();
    match database.time().await {
        Ok(there) => {
            let apart = apart(here, there.unwrap_or(here));
            if apart > CLOCK_TOLERANCE {
                let detail = format!("{} seconds apart from the database's", apart.as_secs());
                return Check::fail(ID, TITLE, detail, FIX);
            }
        }
        Err(error) => return broken(ID, TITLE, &error),
    }
    let newest = match database.row(NEWEST, Vec::new()).await {
        Ok(row) => row.and_then(|row| row.time("timestamp").ok()),
        Err(error) => return broken(ID, TITLE, &error),
    };
    if newest.is_some_and(|newest| newest.since(here) > CLOCK_TOLERANCE) {
        let detail = format!("it shows {here}, which is before the newest recorded event");
        return Check::fail(ID, TITLE, detail, FIX);
    }
    Check::pass(ID, TITLE, format!("it shows {here}"))
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}
