//! The application over HTTP, in process on a clock that stands still; `attack_*` are the attack catalogue.
//!
//! `SIGNUPFLOW_TEST_DATABASE=postgres` and `SIGNUPFLOW_TEST_REDIS=1` choose the deployment shape (see `support`);
//! `nodes_*` are about several nodes, and always run on PostgreSQL and Redis.

mod attack_address;
mod attack_assignment;
mod attack_bursts;
mod attack_cors;
mod attack_cross_origin;
mod attack_csrf;
mod attack_csv_formulas;
mod attack_devices;
mod attack_email_unicode;
mod attack_encoding;
mod attack_enumeration;
mod attack_exposure;
mod attack_host_and_redirects;
mod attack_injection;
mod attack_last_admin;
mod attack_lockout;
mod attack_sessions;
mod attack_signup_limits;
mod attack_stored_xss;
mod attack_tenants;
mod attack_tokens;
mod attack_traffic;
mod audit_export;
mod audit_log;
mod audit_queries;
mod bad_input;
mod bad_queries;
mod cookies;
mod erasure;
mod events_teams;
mod headers;
mod health_docs;
mod idempotency;
mod invitations;
mod nodes_credentials;
mod nodes_redis_loss;
mod nodes_sessions;
mod organizations;
mod people;
mod sessions;
mod support;
mod walk;
