//! Accepting connections when the system will not always let us.

use std::{io, time::Duration};

/// The first pause after a failure to accept; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts until it succeeds. A connection that died in the queue is passed over; when the system is out
/// of file descriptors or memory, pauses longer and longer instead of spinning.
pub(super) async fn accept<T, F>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_that_connection(&error) => {}
            Err(error) => {
                metrics::counter!("http_accept_failures_total").increment(1);
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections; pausing");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn is_of_that_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;

    /// `EMFILE` on Linux: too many open files.
    const OUT_OF_FILES: i32 = 24;

    /// F16: without file descriptors the server waits longer and longer instead of spinning, and goes on when there
    /// are some again.
    #[tokio::test(start_paused = true)]
    async fn out_of_files_pauses_ever_longer_and_recovers() {
        let (started, mut attempts) = (Instant::now(), 0);
        let accepted = accept(|| {
            attempts += 1;
            let outcome = if attempts <= 10 {
                Err(io::Error::from_raw_os_error(OUT_OF_FILES))
            } else {
                Ok("connection")
            };
            ready(outcome)
        })
        .await;
        assert_eq!((accepted, attempts), ("connection", 11));
        // 10 + 20 + … + 640 ms, then three times one second.
        assert_eq!(started.elapsed().as_millis(), 1270 + 3000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_died_in_the_queue_costs_no_pause() {
        let (started, mut attempts) = (Instant::now(), 0);
        accept(|| {
            attempts += 1;
            ready(if attempts == 1 { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) })
        })
        .await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
