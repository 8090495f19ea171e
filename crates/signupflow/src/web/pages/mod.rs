//! Browser pages: rendered on the server, without scripts.

pub mod assets;
pub mod docs;
mod docs_model;
pub mod forgot_password;
pub mod home;
pub mod invitation;
mod mailed_link;
pub mod reset_password;
pub mod unlock;
pub mod well_known;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use hardening::fault::Fault;

use super::problem::{Problem, ShownAs};
use super::refusals::Answer;

/// A rendered page, or a 500 when the template fails.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => Answer::from(Fault::internal(error)).into_response(),
    }
}

/// Something that was done, or cannot be done, and where to go next.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
    /// Address and words of a link.
    next: (&'a str, &'a str),
}

/// Where there is no better place to go.
const START: (&str, &str) = ("/", "Back to the start");

/// What is wrong with a form that was sent.
#[derive(Debug, Default)]
struct Faults(Option<Problem>);

impl Faults {
    const NONE: Self = Self(None);

    fn are_any(&self) -> bool {
        self.0.is_some()
    }

    /// The sentence for the whole form.
    fn sentence(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |problem| problem.detail.to_string())
    }

    /// The sentences for one field.
    fn of(&self, field: &str) -> Option<String> {
        let sentences = self.0.as_ref()?.errors.as_ref()?.get(field)?;
        Some(sentences.join(" "))
    }
}

/// The page that shows why a form was refused: with the status and the headers of the refusal.
fn refused(answer: Answer, render: impl FnOnce(&Faults) -> askama::Result<String>) -> Response {
    shown_as(answer, |problem| render(&Faults(Some(problem))))
}

/// Why a page cannot be shown just now.
fn cannot_show(answer: Answer) -> Response {
    let sentence = answer.as_problem().detail.to_string();
    refused_as(answer, &Message { title: "This is not possible just now", text: &sentence, next: START })
}

/// A refusal as a page of its own.
fn refused_as(answer: Answer, message: &Message<'_>) -> Response {
    shown_as(answer, |_| message.render())
}

fn shown_as(answer: Answer, render: impl FnOnce(Problem) -> askama::Result<String>) -> Response {
    match render(answer.as_problem().clone()) {
        Ok(html) => {
            let mut response = answer.into_response();
            response.extensions_mut().insert(ShownAs(html));
            response
        }
        Err(error) => Answer::from(Fault::internal(error)).into_response(),
    }
}
