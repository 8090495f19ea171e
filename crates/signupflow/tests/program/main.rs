//! The built program: its command line, and the server in a process of its own with a real clock and real hashes.

#[path = "../http/support/mod.rs"]
mod support;

mod admin;
mod adopt;
mod attack_log_lines;
mod attack_secrets;
mod audit;
mod doctor;
mod kill9;
mod mail;
mod migrate;
mod original_env;
mod place;
mod python;
mod python_secrets;
mod readme_walk;
mod real_mail_server;
mod serve;
mod sign_in_load;
mod two_factor;
mod usage;
