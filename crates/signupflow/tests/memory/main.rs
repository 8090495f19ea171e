//! What too large input costs in memory: the figures are of the whole process, so nothing else runs in it.

#[path = "../http/support/mod.rs"]
mod support;

mod attack_oversize;
