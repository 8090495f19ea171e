//! [`SmtpMailer`]: a mail is handed to a mail server by SMTP (RFC 5321, RFC 6409).
//!
//! * Without the protection that was asked for nothing is said: no STARTTLS, no mail; a certificate that does not
//!   vouch for the server, no mail.
//! * One connection a message. It costs a handshake, and a message that went wrong leaves no conversation behind in
//!   which the next one could end.
//! * Only what the server says about the message itself refuses it for good. That it does not want us at all (our
//!   password, our commands) is for the operator to mend, and tried again.

mod target;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::outbox::RenderedMail;
use accounts::ports::{Mailer, Undelivered};
use async_trait::async_trait;
use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::message::{Sender, compose};
use crate::certificates;
use crate::names::Names;

pub use target::{SmtpSecurity, SmtpTarget};

/// How long is waited for the mail server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection to one of its addresses.
    pub connect: Duration,
    /// For all of an attempt; less than [`accounts::outbox::ATTEMPT_LIMIT`].
    pub attempt: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), attempt: Duration::from_secs(40) }
    }
}

/// Hands mails to a mail server. Clones share what they know of its addresses.
#[derive(Clone)]
pub struct SmtpMailer {
    target: Arc<SmtpTarget>,
    tls: Option<TlsParameters>,
    sender: Sender,
    names: Names,
    patience: Patience,
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("host", &self.target.host).finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// A mailer to this server; it is not spoken to yet.
    ///
    /// # Errors
    /// A sentence about the authorities that should vouch for the server.
    pub fn new(target: SmtpTarget, sender: Sender, patience: Patience) -> Result<Self, String> {
        let tls = (target.security != SmtpSecurity::Plain).then(|| tls_of(&target)).transpose()?;
        Ok(Self { target: Arc::new(target), tls, sender, names: Names::default(), patience })
    }

    /// Whether there can be a mailer to this server.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn judge(target: &SmtpTarget) -> Result<(), String> {
        if target.security == SmtpSecurity::Plain { Ok(()) } else { tls_of(target).map(drop) }
    }

    /// Connects, encrypts and signs in as for a mail, and sends none; tells how.
    ///
    /// # Errors
    /// What was seen instead.
    pub async fn check(&self) -> Result<String, String> {
        let visit = async {
            let mut connection = self.introduced().await?;
            let encrypted = if connection.is_encrypted() { "encrypted" } else { "in the clear" };
            let signed_in = if self.target.credentials.is_some() { ", signed in" } else { "" };
            // It has answered everything; whether it says goodbye makes no difference.
            let _ = connection.quit().await;
            Ok(format!("{}:{}, {encrypted}{signed_in}", self.target.host, self.target.port))
        };
        self.in_time(visit).await.unwrap_or_else(Err)
    }

    /// Hands one message over, and gives the server's answer.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, id: &str, mail: &RenderedMail) -> Result<String, Undelivered> {
        let message = compose(&self.sender, id, mail).map_err(Undelivered::Refused)?;
        let outcome = self.in_time(self.submit(&message)).await;
        outcome.unwrap_or_else(|late| Err(Undelivered::Later(late)))
    }

    async fn in_time<T>(&self, visit: impl Future<Output = T>) -> Result<T, String> {
        let limit = self.patience.attempt;
        let late = |_| format!("no answer from {} within {} s", self.target.host, limit.as_secs_f32());
        tokio::time::timeout(limit, visit).await.map_err(late)
    }

    async fn submit(&self, message: &Message) -> Result<String, Undelivered> {
        let mut connection = self.introduced().await.map_err(Undelivered::Later)?;
        let answer = connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(|error| judged(&error))?;
        let said = answer.message().collect::<Vec<_>>().join(" ");
        let _ = connection.quit().await;
        Ok(format!("{} {said}", answer.code()))
    }

    /// A connection that is as protected as was asked for, and signed in.
    async fn introduced(&self) -> Result<AsyncSmtpConnection, String> {
        let SmtpTarget { host, port, security, .. } = &*self.target;
        let addresses =
            self.names.addresses(host, *port).await.map_err(|error| format!("{host}: {error}"))?;
        let failed = |error: Error| format!("{host}:{port}: {}", told(&error));
        let hello = ClientId::default();
        let implicit = self.tls.clone().filter(|_| *security == SmtpSecurity::Tls);
        let addresses: &[SocketAddr] = &addresses;
        let connect = AsyncSmtpConnection::connect_tokio1(
            addresses,
            Some(self.patience.connect),
            &hello,
            implicit,
            None,
        );
        let mut connection = connect.await.map_err(failed)?;
        if let (SmtpSecurity::StartTls, Some(tls)) = (security, &self.tls) {
            if !connection.can_starttls() {
                let _ = connection.quit().await;
                return Err(format!("{host}:{port} offers no STARTTLS, and without it nothing is sent"));
            }
            connection.starttls(tls.clone(), &hello).await.map_err(failed)?;
        }
        if let Some((user, password)) = &self.target.credentials {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(failed)?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Undelivered> {
        self.send(id, mail).await.map(|_| ())
    }
}

/// Whether a failure is about the message.
fn judged(error: &Error) -> Undelivered {
    let told = told(error);
    let code = error.status().map(u16::from);
    // About commands and signing in (RFC 5321, 4.2.3; RFC 4954, 6), whichever message it was.
    let about_us = matches!(code, Some(500 | 502..=504 | 530 | 534 | 535 | 538));
    // A client error is an address that this server has no way to take (RFC 6531, 3.5).
    let about_message = (error.is_permanent() && !about_us) || error.is_client();
    if about_message { Undelivered::Refused(told) } else { Undelivered::Later(told) }
}

/// What an error says, on one line.
fn told(error: &Error) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// TLS 1.2 or newer, with a server whose certificate is vouched for and names the host.
fn tls_of(target: &SmtpTarget) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(target.host.clone());
    if let Some(file) = &target.authorities {
        builder = builder.certificate_store(CertificateStore::None);
        for authority in certificates::authorities_in(file)? {
            let certificate = Certificate::from_der(authority.to_vec()).map_err(|error| told(&error))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build_rustls().map_err(|error| told(&error))
}
