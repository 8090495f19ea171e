//! `/invitation?token=`: accepting an invitation by signing up. Opening it spends nothing.

use accounts::input::Judge;
use accounts::sign_in::SignedIn;
use accounts::sign_up::{self, Joining, SignUp};
use accounts::{Refusal, RequestContext, invitations};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use hardening::secret::Secret;
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::mailed_link::{LinkQuery, dead_link, does_not_work, token_of};
use super::{Faults, Message, START, cannot_show, page, refused};
use crate::web::admission::admitted;
use crate::web::api::auth::language;
use crate::web::api::bodies::{issue_tokens, never_kept, with_device_cookie};
use crate::web::cookies;
use crate::web::extract::Context;
use crate::web::form::Form;
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

#[derive(Template)]
#[template(path = "invitation.html")]
struct Invitation<'a> {
    organization: &'a str,
    form: &'a Acceptance,
    min_length: usize,
    faults: &'a Faults,
}

/// The link, and what is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    token: Secret<String>,
    name: String,
    email: String,
    password: Secret<String>,
}

/// Shows the form, if the link works.
pub async fn show(State(state): State<AppState>, query: Result<Query<LinkQuery>, Problem>) -> Response {
    let token = token_of(query);
    let organization = match invitations::organization_invited_to(&state.services, &token).await {
        Ok(Some(organization)) => organization,
        Ok(None) => return dead_link(START),
        Err(error) => return cannot_show(error.into()),
    };
    let empty = || Secret::new(String::new());
    let form = Acceptance {
        token: Secret::new(token),
        name: String::new(),
        email: String::new(),
        password: empty(),
    };
    let min_length = state.services.password_policy.min_length;
    let invitation =
        Invitation { organization: &organization, form: &form, min_length, faults: &Faults::NONE };
    never_kept(page(&invitation))
}

/// Its button.
pub async fn submit(
    State(state): State<AppState>,
    Context(context): Context,
    headers: HeaderMap,
    form: Result<Form<Acceptance>, Problem>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(problem) => return does_not_work(problem.into(), START),
    };
    let organization = invitations::organization_invited_to(&state.services, form.token.expose()).await;
    let answer = match accept(&state, context, &headers, &form).await {
        Ok(signed_in) => return welcome(&state, &signed_in),
        Err(answer) => answer,
    };
    match organization {
        Ok(Some(organization)) if answer.as_problem().code != "token_invalid" => refused(answer, |faults| {
            let min_length = state.services.password_policy.min_length;
            Invitation { organization: &organization, form: &form, min_length, faults }.render()
        }),
        _ => does_not_work(answer, START),
    }
}

async fn accept(
    state: &AppState,
    context: RequestContext,
    headers: &HeaderMap,
    form: &Acceptance,
) -> Outcome<SignedIn> {
    let mut judge = Judge::new();
    let name = judge.line("name", &form.name, 120);
    let email = judge.email("email", &form.email);
    judge.verdict()?;
    let email = email.ok_or_else(|| Refusal::field("email", "is required"))?;
    let joining = Joining::Invitation(form.token.clone());
    let input = SignUp { name, email, password: form.password.clone(), joining, language: language(headers) };
    let services = state.services.clone();
    admitted(state, async move { sign_up::sign_up(&services, &context, input).await }).await
}

fn welcome(state: &AppState, signed_in: &SignedIn) -> Response {
    let told = Message {
        title: "Welcome",
        text: "Your account was made, and this browser is signed in.",
        next: START,
    };
    let mut response = with_device_cookie(page(&told), state, &signed_in.device_token);
    let token = issue_tokens(state, signed_in).token;
    if let Some(cookie) = cookies::set_session(token.expose(), state.secure_cookies) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
