//! The two skins over the use cases: the JSON API and the browser pages.

pub mod access_log;
pub mod admission;
pub mod api;
pub mod around;
pub mod audit_refusals;
pub mod cookies;
pub mod cors;
pub mod extract;
pub mod health;
pub mod https_only;
pub mod json;
pub mod last_resort;
pub mod limits;
pub mod one_host;
pub mod openapi;
pub mod pages;
pub mod paging;
pub mod problem;
pub mod query;
pub mod refusals;
pub mod routes;
pub mod run_to_end;
pub mod stack;
pub mod state;
pub mod transport;
