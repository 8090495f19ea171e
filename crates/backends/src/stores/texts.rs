//! Texts are written beside the verb that runs them, and listed, so that a test can prepare every one.

use crate::sql::Sql;

/// A statement of the stores.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its name in the code, with the path of its module.
    pub name: &'static str,
    /// What is sent.
    pub sql: Sql,
    /// Whether it runs as a guard.
    pub guarded: bool,
}

/// Declares the statements of a file, each as `query`, `run` or `guard`, and lists them in `TEXTS`.
macro_rules! texts {
    ($($kind:ident $name:ident = $sql:expr;)+) => {
        $(const $name: $crate::sql::Sql = $sql;)+
        pub(in $crate::stores) const TEXTS: &[$crate::stores::Text] = &[$($crate::stores::Text {
            name: concat!(module_path!(), "::", stringify!($name)),
            sql: $name,
            guarded: $crate::stores::texts::is_guard!($kind),
        },)+];
    };
}

macro_rules! is_guard {
    (guard) => {
        true
    };
    (run) => {
        false
    };
    (query) => {
        false
    };
}

pub(super) use {is_guard, texts};
