//! SignUpFlow: the server, its pages, its JSON API and its command line.

pub mod certificates;
pub mod cli;
pub mod config;
pub mod logging;
pub mod mail_delivery;
pub mod metrics_page;
pub mod serve;
pub mod server;
pub mod timekeeping;
pub mod web;
pub mod wiring;
