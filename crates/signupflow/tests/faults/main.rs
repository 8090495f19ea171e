//! Faults of real servers under the running application. The first line of each test's comment names its row of
//! the fault catalogue and states the promise it keeps.
//!
//! `SIGNUPFLOW_FAULT_ROUNDS` sets how often faults that come in rounds are repeated (5).

#[path = "../http/support/mod.rs"]
mod support;

mod bookkeeping;
mod postgres_answers_lost;
mod postgres_audit_log;
mod postgres_killed;
mod postgres_migrations;
mod postgres_read_only;
mod postgres_stampede;
