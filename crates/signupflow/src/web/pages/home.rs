//! `/`: what runs here, and the next step after the first start.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page;
use crate::web::state::AppState;

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    version: &'a str,
    public_url: &'a str,
    shape: &'a str,
    database: bool,
    first_run: bool,
}

/// Shows it; also while the database is away.
pub async fn show(State(state): State<AppState>) -> Response {
    let known = state.services.people.anyone_exists().await;
    page(&Home {
        version: env!("CARGO_PKG_VERSION"),
        public_url: &state.public_url,
        shape: &state.shape,
        database: known.is_ok(),
        first_run: matches!(known, Ok(false)),
    })
}
