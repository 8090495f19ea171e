//! What must hold while a server the program needs fails: the built program in processes of its own, on a real
//! clock with its real budgets, against servers that are killed, frozen, cut off or full. Each test names the row
//! of the fault table it is for, and promises one sentence.
//!
//! `SIGNUPFLOW_FAULT_ROUNDS` sets how often a fault is repeated (2).

#[path = "../http/support/mod.rs"]
mod support;

mod redis_away_at_start;
mod redis_full;
mod redis_killed;
mod redis_none;
mod redis_partitioned;
mod redis_silent;
mod tools;
