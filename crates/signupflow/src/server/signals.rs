//! The signals that ask the program to stop, or to read its files anew.

use std::io::{IsTerminal as _, stdout};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ready at the next SIGTERM or SIGINT after this call: made before anybody is told that the program runs, so that
/// none finds it without a handler.
///
/// For the `hurry` of [`Bound::serve_until`](super::Bound::serve_until) call it when that is first polled, while draining:
/// it then waits for a second signal. When the system refuses to register a handler, that is logged and the future
/// never ends.
pub fn shutdown() -> impl Future<Output = ()> + Send {
    let registered =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    async move {
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
}

/// Requests to read files anew: SIGHUP, from when this is made. At a terminal SIGHUP keeps its first meaning: the
/// terminal is gone, and so is the program.
#[derive(Debug)]
pub struct Reloads(Option<Signal>);

impl Reloads {
    /// Listens from now on.
    pub fn listen() -> Self {
        if stdout().is_terminal() {
            return Self(None);
        }
        let registered = signal(SignalKind::hangup());
        Self(registered.inspect_err(|error| tracing::error!(%error, "cannot listen for SIGHUP")).ok())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        let came = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if came.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
