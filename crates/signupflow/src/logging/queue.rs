//! The queue between those who log and the one thread that writes.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const CAPACITY: usize = 8192;
/// How long the end of the program waits for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Where lines are left.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// Writes the waiting lines when dropped, for a second at most.
#[must_use = "dropping it ends the wait for the last lines"]
pub struct LogGuard {
    sender: SyncSender<Message>,
}

impl std::fmt::Debug for LogGuard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LogGuard").finish_non_exhaustive()
    }
}

/// Starts the thread that writes to `sink`.
pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Queue, LogGuard)> {
    let (sender, receiver) = sync_channel(CAPACITY);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue { sender: sender.clone(), dropped: dropped.clone() };
    thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&receiver, &dropped, sink))?;
    Ok((queue, LogGuard { sender }))
}

fn write_all(receiver: &Receiver<Message>, dropped: &AtomicU64, mut sink: impl Write) {
    // A sink that fails has no one to be reported to; the next line may succeed.
    for message in receiver {
        match message {
            Message::Line(line) => drop(sink.write_all(&line)),
            Message::Flush(done) => {
                drop(sink.flush());
                let _ = done.send(());
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            metrics::counter!("log_lines_dropped_total").increment(lost);
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (done, flushed) = sync_channel(1);
        // A full queue means a stuck sink: nothing to wait for then.
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(LAST_WORDS);
        }
    }
}

/// One line being handed over.
pub(super) struct Line<'a>(&'a Queue);

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.0.sender.try_send(Message::Line(line.to_vec())) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;

    struct Stuck(mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // Ends when the test drops its side.
            let _ = self.0.recv();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_sink_blocks_nobody_and_the_lost_are_counted() {
        let (_hold, wait) = mpsc::channel();
        let (queue, guard) = start(Stuck(wait)).unwrap();
        for _ in 0..CAPACITY + 100 {
            queue.make_writer().write_all(b"line\n").unwrap();
        }
        // One line may be in the thread's hands.
        assert!(queue.dropped.load(Ordering::Relaxed) >= 99);
        drop(guard);
    }

    #[test]
    fn dropping_the_guard_writes_what_waits() {
        let kept = Kept::default();
        let (queue, guard) = start(kept.clone()).unwrap();
        queue.make_writer().write_all(b"last words\n").unwrap();
        drop(guard);
        assert_eq!(*kept.0.lock().unwrap(), b"last words\n");
    }
}
