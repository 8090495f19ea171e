//! Input and output: SQL, Redis, in-process stores, mail. One folder per technology, one file per port.

pub mod breached;
mod certificates;
pub mod embedded;
pub mod mail;
pub mod memory;
pub mod names;
pub mod redis;
pub mod sql;
pub mod stores;
