//! A change that has begun runs to its end, also when the client hangs up: dropping a request's future half
//! way could leave a counted attempt unsettled, or a session without its audit row.

use std::future::Future;

use hardening::fault::Fault;

use super::refusals::{Answer, Outcome};

/// Runs the work in a task of its own and waits for it.
pub async fn run_to_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Outcome<T>
where
    T: Send + 'static,
    E: Into<Answer> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(panicked) => {
            metrics::counter!("signupflow_panics_total").increment(1);
            Err(Fault::internal(format!("a use case panicked: {panicked}")).into())
        }
    }
}
