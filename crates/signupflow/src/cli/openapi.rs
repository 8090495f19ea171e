//! `signupflow openapi`: for scripts that check or publish the document.

use super::console;
use super::failure::Failure;
use crate::web::openapi::router_and_document;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow openapi > openapi.json     the document the server gives at /openapi.json";

pub(super) fn run() -> Result<(), Failure> {
    let (_, document) = router_and_document();
    console::print_json(&document)
}
