//! The JSON API: each handler reads its input into types, calls one use case, shows its outcome.

pub mod audit;
pub mod audit_export;
pub mod auth;
pub mod bodies;
pub mod changed;
pub mod events;
pub mod invitations;
pub mod lockouts;
pub mod login;
pub mod mailed_links;
pub mod organizations;
pub mod password_resets;
pub mod people;
pub mod reports;
pub mod sessions;
pub mod teams;
pub mod two_factor;
pub mod two_factor_admin;
