//! The pages behind mailed links. Opening one never spends it: mail scanners open links too. The button
//! sends the token by POST, in the body.

use accounts::{Error, lockouts};
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use hardening::secret::Secret;
use http::StatusCode;
use serde::Deserialize;

use super::mailed_link::LinkQuery;
use super::{Message, START, page};
use crate::web::admission::admitted;
use crate::web::api::bodies::never_kept;
use crate::web::extract::Context;
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
pub async fn show(Query(query): Query<LinkQuery>) -> Response {
    never_kept(page(&MailedLink {
        title: "Unlock your account",
        explanation: "Too many sign-ins failed, so sign-in from unknown devices is locked. If that was you, open it again.",
        action: "/unlock",
        token: &query.token,
        button: "Unlock",
    }))
}

/// `/not-me?token=`
pub async fn show_not_me(Query(query): Query<LinkQuery>) -> Response {
    never_kept(page(&MailedLink {
        title: "This wasn't me",
        explanation: "Lock the account and sign every device out. An admin of your organization can open it again.",
        action: "/not-me",
        token: &query.token,
        button: "Lock the account",
    }))
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
        Err(Error::Refused(refusal)) => {
            let mut response =
                page(&Message { title: "This link does not work", text: &refusal.to_string(), next: START });
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Ok(never_kept(response))
        }
        Err(Error::Fault(fault)) => Err(Answer::from(fault)),
    }
}
