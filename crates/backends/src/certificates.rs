//! Until when certificates of servers are valid, so that somebody hears of it before they are not.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hardening::clock::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_cert::der::Decode as _;

use crate::names::Names;

const PATIENCE: Duration = Duration::from_secs(5);

/// When a certificate ends (RFC 5280 section 4.1.2.5), if it can be read.
pub(crate) fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let read = x509_cert::Certificate::from_der(certificate).ok()?;
    let end = read.tbs_certificate.validity.not_after.to_unix_duration();
    i64::try_from(end.as_secs()).ok().map(Timestamp::from_unix_seconds)
}

/// The authorities in a PEM file, at least one.
///
/// # Errors
/// A sentence with the name of the setting.
pub(crate) fn authorities_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: rustls::pki_types::pem::Error| {
        format!("sslrootcert {} cannot be read: {error}", file.display())
    };
    let read = CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect::<Result<Vec<_>, _>>();
    match read.map_err(unreadable)? {
        none if none.is_empty() => Err(format!("sslrootcert {} holds no certificate in PEM", file.display())),
        some => Ok(some),
    }
}

/// When the certificate ends that the server at this address shows; it is not checked otherwise.
///
/// # Errors
/// A sentence: no connection, no TLS, or no certificate that can be read.
pub(crate) async fn shown_by(names: &Names, host: &str, port: u16) -> Result<Timestamp, String> {
    let looked = tokio::time::timeout(PATIENCE, look(names, host, port)).await;
    looked
        .unwrap_or_else(|_| Err("no answer in time".to_owned()))
        .map_err(|error| format!("{host}:{port}: {error}"))
}

async fn look(names: &Names, host: &str, port: u16) -> Result<Timestamp, String> {
    let addresses = names.addresses(host, port).await.map_err(|error| error.to_string())?;
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| error.to_string())?;
    let provider = Arc::new(ring::default_provider());
    let looker = Arc::new(Looker { end: Mutex::new(None), schemes: schemes(&provider) });
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = builder.dangerous().with_custom_certificate_verifier(looker.clone()).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    // Ended by the looker once it has seen the certificate: nothing is ever sent over it.
    let outcome = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let end = *looker.end.lock().unwrap_or_else(PoisonError::into_inner);
    end.ok_or_else(|| outcome.err().map_or_else(|| "no certificate".to_owned(), |error| error.to_string()))
}

fn schemes(provider: &rustls::crypto::CryptoProvider) -> Vec<SignatureScheme> {
    provider.signature_verification_algorithms.supported_schemes()
}

/// Looks at the certificate and refuses it, so that no connection comes of it.
#[derive(Debug)]
struct Looker {
    end: Mutex<Option<Timestamp>>,
    schemes: Vec<SignatureScheme>,
}

/// Ends the handshake: the certificate was seen, and nothing is to be said to the server.
fn only_looked_at<T>() -> Result<T, Error> {
    Err(Error::General("only looked at".to_owned()))
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end_of(end_entity);
        only_looked_at()
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_looked_at()
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_looked_at()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
