//! The pages behind mailed links. Opening one never spends it: mail scanners open links too. The button
//! sends the token by POST, in the body.

use accounts::{Error, lockouts};
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use hardening::one_time_token::Purpose;
use hardening::secret::Secret;
use serde::Deserialize;

use super::mailed_link::{self, LinkQuery, dead_link, does_not_work};
use super::{Message, START, cannot_show, page};
use crate::web::admission::admitted;
use crate::web::api::bodies::never_kept;
use crate::web::extract::Context;
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::refusals::{Answer, Outcome};
use crate::web::state::AppState;

#[derive(Template)]
#[template(path = "mailed_link.html")]
struct MailedLink<'a> {
    title: &'a str,
    explanation: &'a str,
    action: &'a str,
    token: &'a str,
    button: &'a str,
}

/// The token of the form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkForm {
    token: Secret<String>,
}

/// `/unlock?token=`
pub async fn show(State(state): State<AppState>, query: Result<Query<LinkQuery>, Problem>) -> Response {
    let token = mailed_link::token_of(query);
    let form = MailedLink {
        title: "Unlock your account",
        explanation: "Too many sign-ins failed, so sign-in from unknown devices is locked. If that was you, open it again.",
        action: "/unlock",
        token: &token,
        button: "Unlock",
    };
    shown(&state, Purpose::Unlock, &form).await
}

/// `/not-me?token=`
pub async fn show_not_me(
    State(state): State<AppState>,
    query: Result<Query<LinkQuery>, Problem>,
) -> Response {
    let token = mailed_link::token_of(query);
    let form = MailedLink {
        title: "This wasn't me",
        explanation: "Lock the account and sign every device out. An admin of your organization can open it again.",
        action: "/not-me",
        token: &token,
        button: "Lock the account",
    };
    shown(&state, Purpose::NotMe, &form).await
}

/// The form, if the link works.
async fn shown(state: &AppState, purpose: Purpose, form: &MailedLink<'_>) -> Response {
    match lockouts::link_works(&state.services, form.token, purpose).await {
        Ok(true) => never_kept(page(form)),
        Ok(false) => dead_link(START),
        Err(error) => cannot_show(error.into()),
    }
}

/// The button of `/unlock`.
pub async fn submit(
    State(state): State<AppState>,
    Context(context): Context,
    form: Result<Form<LinkForm>, FormRejection>,
) -> Outcome<Response> {
    let token = token_of(form);
    let services = state.services.clone();
    let done = admitted(&state, async move {
        Ok::<_, Error>(lockouts::unlock_by_link(&services, &context, token.expose()).await)
    })
    .await?;
    match done {
        Ok(false) => told(Ok(()), "Unknown devices stay locked out", lockouts::STRANGERS_STAY_OUT),
        done => told(done.map(|_| ()), "Your account is open again", "You can sign in now."),
    }
}

/// The button of `/not-me`.
pub async fn submit_not_me(
    State(state): State<AppState>,
    Context(context): Context,
    form: Result<Form<LinkForm>, FormRejection>,
) -> Outcome<Response> {
    let token = token_of(form);
    let services = state.services.clone();
    let done = admitted(&state, async move {
        Ok::<_, Error>(lockouts::lock_by_link(&services, &context, token.expose()).await)
    })
    .await?;
    told(done, "The account is locked", "Every device was signed out. An admin can open the account again.")
}

/// A form that cannot be read holds no valid token; it is answered like a wrong one.
fn token_of(form: Result<Form<LinkForm>, FormRejection>) -> Secret<String> {
    form.map_or_else(|_| Secret::new(String::new()), |Form(form)| form.token)
}

fn told(done: Result<(), Error>, title: &str, message: &str) -> Outcome<Response> {
    match done {
        Ok(()) => Ok(never_kept(page(&Message { title, text: message, next: START }))),
        Err(Error::Refused(refusal)) => Ok(does_not_work(refusal.into(), START)),
        Err(Error::Fault(fault)) => Err(Answer::from(fault)),
    }
}
