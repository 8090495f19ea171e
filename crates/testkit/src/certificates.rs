//! A certificate authority for one test, for servers with TLS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hardening::clock::{Clock as _, SystemClock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority that has signed one certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    certificate: String,
    key: String,
}

impl Authority {
    /// Signs for these host names and addresses; the certificate ends after so many days, if a number is given.
    pub(crate) fn signing_for(names: &[&str], days: Option<u64>) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("the machine has randomness");
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).expect("valid names");
        if let Some(days) = days {
            leaf.not_after = (SystemClock.now() + Duration::from_hours(24 * days)).to_offset_date_time();
        }
        let leaf_key = key();
        let certificate = leaf.signed_by(&leaf_key, &issuer).expect("the authority signs it");
        Self { pem: issuer.pem(), certificate: certificate.pem(), key: leaf_key.serialize_pem() }
    }

    /// Writes certificate, key and authority as files, in this order.
    pub(crate) fn write(&self, folder: &Path) -> [PathBuf; 3] {
        [("cert.pem", &self.certificate), ("key.pem", &self.key), ("ca.pem", &self.pem)].map(
            |(name, text)| {
                let path = folder.join(name);
                std::fs::write(&path, text).expect("a new folder can be written");
                path
            },
        )
    }
}
