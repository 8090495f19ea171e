//! The built program at its command line, in folders and databases of its own.

mod admin;
mod audit;
mod doctor;
mod migrate;
mod place;
mod serve;
mod usage;
