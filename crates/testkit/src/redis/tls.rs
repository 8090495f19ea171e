//! A certificate authority for one test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority that has signed one certificate for `localhost` and 127.0.0.1.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) pem: String,
    certificate: String,
    key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("the machine has randomness");
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names).expect("valid names");
        let leaf_key = key();
        let certificate = leaf.signed_by(&leaf_key, &issuer).expect("the authority signs it");
        Self { pem: issuer.pem(), certificate: certificate.pem(), key: leaf_key.serialize_pem() }
    }

    /// Writes certificate, key and authority as redis-server wants them.
    pub(super) fn write(&self, folder: &Path) -> [PathBuf; 3] {
        [("cert.pem", &self.certificate), ("key.pem", &self.key), ("ca.pem", &self.pem)].map(
            |(name, text)| {
                let path = folder.join(name);
                std::fs::write(&path, text).expect("a new folder can be written");
                path
            },
        )
    }
}
