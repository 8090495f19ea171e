//! A TCP proxy that fails on demand: the network between the program under test and one of its servers.
//!
//! A driver sees what a real network shows it: refused connections, silence, delay, resets. What a
//! program in user space cannot show is a lost SYN; a black hole here accepts and never answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

const CHUNK: usize = 64 * 1024;

/// What the proxy does with traffic. Connections already open keep their mode's effect but for
/// [`Mode::Refuse`], which concerns new ones only; see [`FaultProxy::cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Nobody listens: new connections are refused by the kernel.
    Refuse,
    /// New connections are accepted, and no byte moves in either direction. What was sent meanwhile is
    /// delivered when the mode changes, as after a healed partition.
    BlackHole,
    /// Everything passes but one answer: the one with `answer` in it on a connection that carried `request`. It and
    /// what follows it come back when the mode changes.
    HoldAnswer {
        /// Marks the connection.
        request: &'static str,
        /// Marks what is held.
        answer: &'static str,
    },
    /// Each chunk of up to 64 KiB waits this long, in each direction.
    Delay(Duration),
}

/// A running proxy. Dropping it closes its port and resets its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    orders: mpsc::Sender<(Mode, oneshot::Sender<()>)>,
    cuts: watch::Sender<u64>,
    held: watch::Sender<u64>,
    listening: JoinHandle<()>,
}

#[derive(Clone)]
struct Link {
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    cuts: watch::Receiver<u64>,
    held: watch::Sender<u64>,
}

impl FaultProxy {
    /// Listens on a free loopback port and passes everything on to `target`.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback address has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (orders, incoming_orders) = mpsc::channel(1);
        let cuts = watch::Sender::new(0);
        let mode = watch::Sender::new(Mode::Pass);
        let held = watch::Sender::new(0);
        let link = Link { target, mode: mode.subscribe(), cuts: cuts.subscribe(), held: held.clone() };
        let listening = tokio::spawn(listen(listener, address, mode, incoming_orders, link));
        Self { address, orders, cuts, held, listening }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode; in force when this returns.
    ///
    /// # Panics
    /// When the port could not be taken back after [`Mode::Refuse`].
    pub async fn set(&self, mode: Mode) {
        let (done, is_done) = oneshot::channel();
        self.orders.send((mode, done)).await.expect("the proxy runs as long as its test");
        is_done.await.expect("another process took the proxy's port while it refused connections");
    }

    /// Waits until something that arrived is held back.
    ///
    /// # Panics
    /// Never: the proxy itself keeps the count.
    pub async fn holds_something(&self) {
        self.held.subscribe().wait_for(|held| *held > 0).await.expect("the sender lives in the proxy");
    }

    /// Resets all open connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The server behind is gone: open connections are reset, new ones refused.
    ///
    /// # Panics
    /// As [`FaultProxy::set`].
    pub async fn down(&self) {
        self.set(Mode::Refuse).await;
        self.cut();
    }

    /// The server behind is back.
    ///
    /// # Panics
    /// As [`FaultProxy::set`].
    pub async fn up(&self) {
        self.set(Mode::Pass).await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

async fn listen(
    listener: TcpListener,
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    mut orders: mpsc::Receiver<(Mode, oneshot::Sender<()>)>,
    link: Link,
) {
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((new_mode, done)) = order else { return };
                if new_mode == Mode::Refuse {
                    listener = None;
                } else if listener.is_none() {
                    let Ok(again) = TcpListener::bind(address).await else { return };
                    listener = Some(again);
                }
                mode.send_replace(new_mode);
                // A caller that no longer waits does not need the answer.
                let _ = done.send(());
            }
            Some(client) = accept(listener.as_ref()) => { tokio::spawn(carry(client, link.clone())); }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

async fn carry(mut client: TcpStream, link: Link) {
    let mut cuts = link.cuts.clone();
    cuts.mark_unchanged();
    tokio::select! {
        // Of a cut and a mode that changes right after it, the cut comes first: what is held is lost.
        biased;
        _ = cuts.changed() => {}
        () = connect_and_pump(&mut client, link) => {}
    }
    // A reset, not a polite end: that is what a lost network or a killed server looks like.
    let _ = client.set_zero_linger();
}

async fn connect_and_pump(client: &mut TcpStream, link: Link) {
    let mut mode = link.mode.clone();
    if mode.wait_for(|mode| *mode != Mode::BlackHole).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(link.target).await else { return };
    // Without this the proxy itself would delay small messages.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let asked = AtomicBool::new(false);
    let forward = pump(from_client, to_server, &link, |mode, sent| {
        if let Mode::HoldAnswer { request, .. } = mode {
            asked.fetch_or(contains(sent, request), Ordering::SeqCst);
        }
        mode == Mode::BlackHole
    });
    let back = pump(from_server, to_client, &link, |mode, sent| match mode {
        Mode::HoldAnswer { answer, .. } => asked.load(Ordering::SeqCst) && contains(sent, answer),
        mode => mode == Mode::BlackHole,
    });
    tokio::join!(forward, back);
}

fn contains(sent: &[u8], text: &str) -> bool {
    sent.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    link: &Link,
    holds: impl Fn(Mode, &[u8]) -> bool,
) {
    let mut mode = link.mode.clone();
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(length) = from.read(&mut chunk).await else { return };
        let sent = &chunk[..length];
        let is_held = holds(*mode.borrow(), sent);
        if is_held {
            link.held.send_modify(|held| *held += 1);
        }
        let Ok(now) = mode.wait_for(|mode| !holds(*mode, sent)).await.map(|mode| *mode) else { return };
        if is_held {
            // Whoever heard of it may have cut and changed the mode already: the cut is looked at first.
            tokio::task::yield_now().await;
        }
        if let Mode::Delay(pause) = now {
            tokio::time::sleep(pause).await;
        }
        if length == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(sent).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::time::Instant;

    const SHORT: Duration = Duration::from_millis(100);

    /// A server that sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn exchange(client: &mut TcpStream) -> std::io::Result<[u8; 4]> {
        client.write_all(b"ping").await?;
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await?;
        Ok(answer)
    }

    async fn proxy_and_client() -> (FaultProxy, TcpStream) {
        let proxy = FaultProxy::start(echo().await).await;
        let mut client = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
        assert_eq!(&exchange(&mut client).await.expect("it passes"), b"ping");
        (proxy, client)
    }

    #[tokio::test]
    async fn the_end_of_a_stream_is_passed_on() {
        let (_proxy, mut client) = proxy_and_client().await;
        client.write_all(b"last").await.expect("open");
        client.shutdown().await.expect("open");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("a polite end");
        assert_eq!(rest, b"last");
    }

    #[tokio::test]
    async fn refusing_concerns_new_connections_only_and_ends() {
        let (proxy, mut client) = proxy_and_client().await;
        proxy.set(Mode::Refuse).await;
        let refused = TcpStream::connect(proxy.address()).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(exchange(&mut client).await.is_ok());
        proxy.up().await;
        assert!(TcpStream::connect(proxy.address()).await.is_ok());
    }

    #[tokio::test]
    async fn cutting_resets_open_connections_only() {
        let (proxy, mut client) = proxy_and_client().await;
        proxy.cut();
        let error = client.read(&mut [0; 1]).await.expect_err("reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let mut next = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
        assert!(exchange(&mut next).await.is_ok());
    }

    #[tokio::test]
    async fn down_is_both() {
        let (proxy, mut client) = proxy_and_client().await;
        proxy.down().await;
        assert!(exchange(&mut client).await.is_err());
        assert!(TcpStream::connect(proxy.address()).await.is_err());
    }

    #[tokio::test]
    async fn a_black_hole_is_silent_and_delivers_once_healed() {
        let (proxy, mut open) = proxy_and_client().await;
        proxy.set(Mode::BlackHole).await;
        let mut new = TcpStream::connect(proxy.address()).await.expect("accepted");
        for client in [&mut open, &mut new] {
            client.write_all(b"ping").await.expect("the kernel takes it");
            assert!(tokio::time::timeout(SHORT, client.read(&mut [0; 4])).await.is_err());
        }
        proxy.up().await;
        for client in [&mut open, &mut new] {
            let mut answer = [0; 4];
            client.read_exact(&mut answer).await.expect("delivered late");
            assert_eq!(&answer, b"ping");
        }
    }

    #[tokio::test]
    async fn a_held_answer_comes_once_the_mode_changes() {
        let (proxy, mut client) = proxy_and_client().await;
        proxy.set(Mode::HoldAnswer { request: "other", answer: "ping" }).await;
        assert!(exchange(&mut client).await.is_ok(), "this connection did not carry it");
        proxy.set(Mode::HoldAnswer { request: "ping", answer: "pong" }).await;
        assert!(exchange(&mut client).await.is_ok(), "this is not the answer");
        proxy.set(Mode::HoldAnswer { request: "ping", answer: "ping" }).await;
        client.write_all(b"ping").await.expect("it passes");
        assert!(tokio::time::timeout(SHORT, client.read(&mut [0; 4])).await.is_err());
        proxy.up().await;
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await.expect("delivered late");
        assert_eq!(&answer, b"ping");
    }

    #[tokio::test]
    async fn delay_holds_up_both_directions() {
        let (proxy, mut client) = proxy_and_client().await;
        proxy.set(Mode::Delay(SHORT)).await;
        let begun = Instant::now();
        exchange(&mut client).await.expect("it passes");
        assert!(begun.elapsed() >= SHORT * 2);
    }

    #[tokio::test]
    async fn dropping_it_resets_and_closes() {
        let (proxy, mut client) = proxy_and_client().await;
        let address = proxy.address();
        drop(proxy);
        assert!(client.read(&mut [0; 1]).await.is_err());
        assert!(TcpStream::connect(address).await.is_err());
    }
}
