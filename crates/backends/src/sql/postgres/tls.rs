//! TLS to the server: rustls with ring, and as much of the certificate checked as was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use hardening::clock::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::target::{PostgresTarget, Roots, Verification};
use crate::certificates;

/// When the certificate ends that the server showed last.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenCertificate(Arc<Mutex<Option<Timestamp>>>);

impl SeenCertificate {
    pub(super) fn end(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, certificate: &CertificateDer<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificates::end_of(certificate);
    }
}

/// What connections are encrypted with; never used where the mode is `disable`.
///
/// # Errors
/// A sentence about the file of trusted authorities.
pub(super) fn connector(
    target: &PostgresTarget,
    seen: &SeenCertificate,
) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let encrypted = target.config.get_ssl_mode() != SslMode::Disable;
    let authority = match target.verification {
        Verification::Nothing => None,
        _ if !encrypted => None,
        Verification::Authority | Verification::AuthorityAndName => {
            let roots = Arc::new(trusted(&target.roots)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            Some(verifier.map_err(|error| format!("sslrootcert: {error}"))?)
        }
    };
    let any_name = target.verification != Verification::AuthorityAndName;
    let verifier = Verifier { provider, authority, any_name, seen: seen.clone() };
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn trusted(roots: &Roots) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::File(file) => {
            for certificate in certificates::authorities_in(file)? {
                store.add(certificate).map_err(|error| format!("sslrootcert {}: {error}", file.display()))?;
            }
        }
        Roots::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err("this system trusts no authority: set sslrootcert to a file".to_owned());
            }
        }
    }
    Ok(store)
}

/// Checks the certificate as far as `sslmode` says; that the server holds its key is checked always.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Without it any certificate will do.
    authority: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    seen: SeenCertificate,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.note(end_entity);
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        let checked =
            authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            // The name is looked at last: everything else is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
