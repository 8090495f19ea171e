//! Test-only infrastructure: throwaway servers, a mail sink, a network that fails on demand.
//!
//! Rules of this crate:
//! * Whatever it starts ends with the test process, also when that is killed with SIGKILL.
//! * A missing tool is a failure with a sentence that says how to install it, never a silent skip.
//! * Nothing listens on a fixed port or writes outside the system's temporary folder.

mod certificates;
pub mod contracts;
pub mod fault_proxy;
pub mod free_port;
mod last_will;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod small_disk;
pub mod smtp_sink;
