//! `/reset-password?token=`: setting a new password by the mailed link. Opening it spends nothing; the button sends the
//! token in the body.

use accounts::password_reset;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use hardening::secret::Secret;
use serde::Deserialize;

use super::mailed_link::{LinkQuery, dead_link, does_not_work, token_of};
use super::{Faults, Message, cannot_show, page, refused};
use crate::web::admission::admitted;
use crate::web::api::bodies::never_kept;
use crate::web::extract::Context;
use crate::web::form::Form;
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::state::AppState;

/// Where a new link comes from.
const ASK_AGAIN: (&str, &str) = ("/forgot-password", "Ask for a new link");

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPassword<'a> {
    token: &'a str,
    email: &'a str,
    min_length: usize,
    faults: &'a Faults,
}

/// The link, and what is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    token: Secret<String>,
    new_password: Secret<String>,
}

/// Shows the form, if the link works.
pub async fn show(State(state): State<AppState>, query: Result<Query<LinkQuery>, Problem>) -> Response {
    let token = token_of(query);
    let email = match password_reset::masked_address_of(&state.services, &token).await {
        Ok(Some(email)) => email,
        Ok(None) => return dead_link(ASK_AGAIN),
        Err(error) => return cannot_show(error.into()),
    };
    let min_length = state.services.password_policy.min_length;
    let form = ResetPassword { token: &token, email: &email, min_length, faults: &Faults::NONE };
    never_kept(page(&form))
}

/// Its button.
pub async fn submit(
    State(state): State<AppState>,
    Context(context): Context,
    form: Result<Form<NewPassword>, Problem>,
) -> Response {
    let (token, password) = match form {
        Ok(Form(form)) => (form.token, form.new_password),
        Err(problem) => return does_not_work(problem.into(), ASK_AGAIN),
    };
    let (services, link) = (state.services.clone(), token.clone());
    let set =
        admitted(&state, async move { password_reset::confirm(&services, &context, &link, &password).await });
    let answer = match set.await {
        Ok(()) => {
            let (title, next) = ("Your password was changed", super::START);
            return never_kept(page(&Message { title, text: password_reset::DONE, next }));
        }
        Err(answer) => answer,
    };
    match password_reset::masked_address_of(&state.services, token.expose()).await {
        Ok(Some(email)) => refused(answer, |faults| {
            let min_length = state.services.password_policy.min_length;
            ResetPassword { token: token.expose(), email: &email, min_length, faults }.render()
        }),
        _ => does_not_work(answer, ASK_AGAIN),
    }
}
