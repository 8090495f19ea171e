//! SignUpFlow: the server, its pages, its JSON API and its command line.

pub mod logging;
pub mod server;
pub mod web;
