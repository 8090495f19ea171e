//! The session's bearer token.
