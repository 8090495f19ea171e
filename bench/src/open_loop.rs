//! Sends GETs at a fixed rate, however slow the answers, and tells how long each took from the moment it was due:
//! a late answer delays no other request, so waiting is not left out of the figures.
//!
//! `open-loop URL RATE SECONDS [HEADER]…` prints `{"p50":…,"p99":…,"max":…,"sent":…,"bad":…}`, in microseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

/// A page of a thousand audit rows fits.
const LONGEST_ANSWER: usize = 1 << 20;
const CONNECTIONS: usize = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Target {
    address: String,
    request: Vec<u8>,
}

fn target(url: &str, headers: &[String]) -> Option<Target> {
    let rest = url.strip_prefix("http://")?;
    let (address, path) = rest.split_at(rest.find('/')?);
    let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n").into_bytes();
    Some(Target { address: address.to_owned(), request })
}

/// One exchange; true for a status below 300.
async fn exchange(stream: &mut TcpStream, target: &Target, buffer: &mut [u8]) -> Result<bool, Failure> {
    stream.write_all(&target.request).await?;
    let (mut held, mut whole) = (0, None);
    while whole.is_none_or(|length| held < length) {
        let read = stream.read(buffer.get_mut(held..).ok_or("the answer is too long")?).await?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        held += read;
        whole = whole.or_else(|| length(&buffer[..held]));
    }
    Ok(buffer[..held].starts_with(b"HTTP/1.1 2"))
}

/// The length of the whole answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?.to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    Some(head + body.and_then(|value| value.trim().parse::<usize>().ok()).unwrap_or(0))
}

async fn connection(
    target: Arc<Target>,
    due: Arc<Mutex<mpsc::UnboundedReceiver<Instant>>>,
) -> Result<Vec<(Duration, bool)>, Failure> {
    let mut stream = TcpStream::connect(&target.address).await?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut seen) = (vec![0; LONGEST_ANSWER], Vec::new());
    loop {
        let Some(moment) = due.lock().await.recv().await else { return Ok(seen) };
        let good = exchange(&mut stream, &target, &mut buffer).await?;
        seen.push((moment.elapsed(), good));
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the figures are its output")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, rate, seconds, headers @ ..] = arguments.as_slice() else {
        return Err("usage: open-loop URL RATE SECONDS [HEADER]…".into());
    };
    let (rate, seconds): (f64, f64) = (rate.parse()?, seconds.parse()?);
    let target = Arc::new(target(url, headers).ok_or("the URL must be http://HOST:PORT/PATH")?);
    let (send, receive) = mpsc::unbounded_channel();
    let receive = Arc::new(Mutex::new(receive));
    let connections: Vec<_> =
        (0..CONNECTIONS).map(|_| tokio::spawn(connection(target.clone(), receive.clone()))).collect();
    // Due moments are fixed beforehand; a timer of a millisecond's grain would blur them, so it spins the rest.
    let begun = Instant::now() + Duration::from_millis(50);
    let mut number = 0_u32;
    while f64::from(number) < rate * seconds {
        let due = begun + Duration::from_secs_f64(f64::from(number) / rate);
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        send.send(due)?;
        number += 1;
    }
    drop(send);
    let mut seen = Vec::new();
    for connection in connections {
        seen.extend(connection.await??);
    }
    let mut times: Vec<u128> = seen.iter().map(|(time, _)| time.as_micros()).collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).or(times.last()).copied().unwrap_or(0);
    let bad = seen.iter().filter(|(_, good)| !good).count();
    println!(
        r#"{{"p50":{},"p99":{},"max":{},"sent":{},"bad":{bad}}}"#,
        at(50),
        at(99),
        times.last().copied().unwrap_or(0),
        times.len()
    );
    Ok(())
}
