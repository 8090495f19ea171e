//! The contract of the SQL seam, run on SQLite and on a throwaway PostgreSQL.

mod harness;
mod migrations;
mod postgres_groups;
mod postgres_names;
mod postgres_only;
mod postgres_tls;
mod reading;
mod sqlite_only;
mod units;
mod values;
