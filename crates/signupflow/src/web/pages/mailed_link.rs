//! What the pages behind mailed links share.

use axum::response::Response;
use serde::Deserialize;

use super::{Message, refused_as};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::refusals::Answer;

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

/// The same page for used, expired, foreign and made-up links; `next` is the address and the words of a way on.
pub(super) fn does_not_work(answer: Answer, next: (&str, &str)) -> Response {
    let sentence = answer.as_problem().detail.to_string();
    refused_as(answer, &Message { title: "This link does not work", text: &sentence, next })
}

/// What opening one says that does not work.
pub(super) fn dead_link(next: (&str, &str)) -> Response {
    does_not_work(Problem::of("token_invalid").into(), next)
}
