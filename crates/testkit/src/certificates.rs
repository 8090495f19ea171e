//! A certificate authority for one test, for servers with TLS.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority that has signed one certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    certificate: String,
    key: String,
}

impl Authority {
    /// Signs for these host names and addresses.
    pub(crate) fn signing_for(names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("the machine has randomness");
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names).expect("valid names");
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
