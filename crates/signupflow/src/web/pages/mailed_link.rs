//! What the pages behind mailed links share.

use serde::Deserialize;

use crate::web::problem::Problem;
use crate::web::query::Query;

/// The token of the link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkQuery {
    pub(super) token: String,
}

/// The token of an address; one that cannot be read holds no token, and is answered like a wrong one.
pub(super) fn token_of(query: Result<Query<LinkQuery>, Problem>) -> String {
    query.map(|Query(query)| query.token).unwrap_or_default()
}
