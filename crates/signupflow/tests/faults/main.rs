//! What must hold while a server the program needs fails: killed, frozen, cut off, full or stormed, most of it with
//! the built program in processes of its own, on a real clock with its real budgets. The first line of each test's
//! comment names its row of the fault table and states the promise it keeps.
//!
//! `SIGNUPFLOW_FAULT_ROUNDS` sets how often a fault is repeated (2).

#[path = "../http/support/mod.rs"]
mod support;

mod bookkeeping;
mod certificates;
mod clock_jumps;
mod clock_skew;
mod connection_storm;
mod disk_full;
mod graceful_stop;
mod handler_panics;
mod keys_at_start;
mod keys_rotated;
mod mail_server;
mod overload;
mod postgres_answers_lost;
mod postgres_audit_log;
mod postgres_killed;
mod postgres_migrations;
mod postgres_read_only;
mod postgres_stampede;
mod redis_away_at_start;
mod redis_full;
mod redis_killed;
mod redis_none;
mod redis_partitioned;
mod redis_silent;
mod refusal_flood;
mod retries;
mod rolling_restart;
mod sqlite_busy;
mod tools;
