//! Input and output: SQL, Redis, in-process stores, mail. One folder per technology, one file per port.

pub mod breached;
pub mod embedded;
pub mod mail;
pub mod memory;
pub mod redis;
pub mod sql;
pub mod stores;
