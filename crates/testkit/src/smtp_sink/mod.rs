//! A mail server inside the test: takes every message, delivers none, misbehaves on demand.
//!
//! It speaks as much of RFC 5321 as a submitting client needs (EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT), with
//! STARTTLS or TLS from the first byte and AUTH PLAIN or LOGIN where that is asked for, on a loopback port of its own,
//! and insists on the order of commands.

mod conversation;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Authority;
use conversation::Conversation;

/// One message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The envelope's sender, without angle brackets; empty for the null sender.
    pub from: String,
    /// The envelope's recipients, in order.
    pub to: Vec<String>,
    /// Headers and body with CRLF line ends, dot-stuffing undone (RFC 5321, 4.5.2).
    pub data: String,
}

/// A point of the conversation at which the sink can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Instead of the greeting; the connection is closed.
    Connect,
    /// On `MAIL FROM`.
    Sender,
    /// On each `RCPT TO`.
    Recipient,
    /// On `DATA`, before the text is sent.
    Data,
    /// After the text was sent; the message is not kept.
    Message,
}

/// How the sink treats its clients, from the next reply on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes everything at once.
    Accept,
    /// Takes everything, waiting before each reply.
    Delay(Duration),
    /// Gives this reply, such as `451 4.3.0 try later` or `550 5.1.1 unknown`, at one stage.
    Refuse(Stage, String),
    /// Gives this reply on `RCPT TO` of this address, and takes everybody else.
    RefuseRecipient(String, String),
    /// Keeps the connection and says nothing until told to behave otherwise.
    Hang,
    /// Keeps the message, and drops the connection instead of saying so.
    DropAfterData,
    /// Keeps the message, and says nothing about it until told to behave otherwise.
    HangAfterData,
}

/// How connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Not at all, nor does it offer to.
    #[default]
    None,
    /// By STARTTLS, without which it takes no mail.
    StartTls,
    /// From the first byte.
    Tls,
}

/// What the sink demands of its clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demands<'a> {
    /// How connections are protected.
    pub protection: Protection,
    /// For which name its certificate is, if not for `127.0.0.1`.
    pub name: Option<&'a str>,
    /// User and password, if it wants any.
    pub credentials: Option<(&'a str, &'a str)>,
}

/// A running sink. Dropping it closes the port; conversations under way end with the test's runtime.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    behaviour: watch::Sender<Behaviour>,
    heard: Heard,
    protection: Protection,
    listening: JoinHandle<()>,
    files: tempfile::TempDir,
}

/// What came in.
#[derive(Clone, Debug)]
struct Heard {
    messages: watch::Sender<Vec<Message>>,
    /// Lines of clients that were not encrypted.
    in_the_clear: watch::Sender<Vec<String>>,
}

/// What every conversation goes by.
#[derive(Clone)]
struct House {
    heard: Heard,
    protection: Protection,
    acceptor: TlsAcceptor,
    credentials: Option<(String, String)>,
}

impl SmtpSink {
    /// Listens on a free loopback port, and demands nothing.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub async fn start() -> Self {
        Self::demanding(Demands::default()).await
    }

    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub async fn demanding(demands: Demands<'_>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback address has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (behaviour, files) =
            (watch::Sender::new(Behaviour::Accept), tempfile::tempdir().expect("a folder"));
        let authority = Authority::signing_for(&[demands.name.unwrap_or("127.0.0.1")], None);
        let [certificate, key, _] = authority.write(files.path());
        let heard =
            Heard { messages: watch::Sender::new(Vec::new()), in_the_clear: watch::Sender::new(Vec::new()) };
        let house = House {
            heard: heard.clone(),
            protection: demands.protection,
            acceptor: acceptor(&certificate, &key),
            credentials: demands.credentials.map(|(user, password)| (user.to_owned(), password.to_owned())),
        };
        let told = behaviour.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Conversation::hold(stream, house.clone(), told.subscribe()));
            }
        });
        Self { address, behaviour, heard, protection: demands.protection, listening, files }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `SMTP_URL` that leads here, without credentials; protected, it names the sink's authority.
    pub fn url(&self) -> String {
        let scheme = if self.protection == Protection::Tls { "smtps" } else { "smtp" };
        match self.protection {
            Protection::None => format!("{scheme}://{}", self.address),
            _ => format!("{scheme}://{}?sslrootcert={}", self.address, self.authority().display()),
        }
    }

    /// The file with the authority that signed the sink's certificate.
    pub fn authority(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// Changes how clients are treated.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    /// All messages taken so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.heard.messages.borrow().clone()
    }

    /// Every line that clients sent unencrypted.
    pub fn heard_in_the_clear(&self) -> Vec<String> {
        self.heard.in_the_clear.borrow().clone()
    }

    /// Forgets the messages taken so far.
    pub fn clear(&self) {
        self.heard.messages.send_replace(Vec::new());
    }

    /// Waits until at least `count` messages were taken, and returns all.
    ///
    /// # Panics
    /// When fewer have come after 30 seconds.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        let mut messages = self.heard.messages.subscribe();
        let waiting = messages.wait_for(|messages| messages.len() >= count);
        let arrived =
            tokio::time::timeout(Duration::from_secs(30), waiting).await.map(|all| all.map(|m| m.clone()));
        match arrived {
            Ok(Ok(all)) => all,
            _ => panic!("waited in vain for {count} messages; got {:?}", self.messages()),
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn acceptor(certificate: &std::path::Path, key: &std::path::Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).expect("just written");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("just written");
    let key = PrivateKeyDer::from_pem_file(key).expect("just written");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the usual versions");
    let config = builder.with_no_client_auth().with_single_cert(chain, key).expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}
