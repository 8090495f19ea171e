//! The signals that ask the program to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Ready at the next SIGTERM or SIGINT after it is first polled.
///
/// Call it once for the stop of [`Bound::serve_until`](super::Bound::serve_until) and once for its
/// `hurry`: the second is polled only while draining, and so waits for a second signal.
/// When the system refuses to register a handler, that is logged and the future never ends.
pub async fn shutdown() {
    let registered =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    match registered {
        Ok((mut terminate, mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "cannot listen for signals; only killing stops this process");
            std::future::pending::<()>().await;
        }
    }
}
