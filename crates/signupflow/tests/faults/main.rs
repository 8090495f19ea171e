//! Faults of real servers under the running application. The first line of each test's comment names its row of
//! the fault catalogue and states the promise it keeps.
//!
//! `SIGNUPFLOW_FAULT_ROUNDS` sets how often faults that come in rounds are repeated.

#[path = "../http/support/mod.rs"]
mod support;

mod postgres_stampede;
