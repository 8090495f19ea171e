//! The two skins over the use cases: the JSON API and the browser pages.

pub mod json;
pub mod problem;
pub mod query;
