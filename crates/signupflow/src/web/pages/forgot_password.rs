//! `/forgot-password`: asking for a link that sets a new password.

use accounts::password_reset;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{Faults, Message, START, page, refused};
use crate::web::admission::admitted;
use crate::web::api::bodies::never_kept;
use crate::web::extract::Context;
use crate::web::form::Form;
use crate::web::problem::Problem;
use crate::web::refusals::Answer;
use crate::web::state::AppState;

#[derive(Template)]
#[template(path = "forgot_password.html")]
struct ForgotPassword<'a> {
    email: String,
    faults: &'a Faults,
}

/// What is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    email: String,
}

/// Shows the form.
pub async fn show() -> Response {
    never_kept(page(&ForgotPassword { email: String::new(), faults: &Faults::NONE }))
}

/// Its button.
pub async fn submit(
    State(state): State<AppState>,
    Context(context): Context,
    form: Result<Form<Asked>, Problem>,
) -> Response {
    let email = match form {
        Ok(Form(asked)) => asked.email,
        Err(problem) => return again(Answer::problem(problem), ""),
    };
    let (services, typed) = (state.services.clone(), email.clone());
    let asked =
        admitted(&state, async move { password_reset::request(&services, &context, &typed).await }).await;
    match asked {
        Ok(()) => {
            let told = Message { title: "Look into your mail", text: password_reset::ASKED, next: START };
            never_kept(page(&told))
        }
        Err(answer) => again(answer, &email),
    }
}

fn again(answer: Answer, email: &str) -> Response {
    refused(answer, |faults| ForgotPassword { email: email.to_owned(), faults }.render())
}
