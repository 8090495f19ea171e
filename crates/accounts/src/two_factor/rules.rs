//! Codes, their keys and their names.

use hardening::clock::Timestamp;
use hardening::entropy::Entropy;
use hardening::two_factor::{
    Fernet, RECOVERY_CODES, RecoveryCode, RecoveryCodeHash, RecoveryKeys, Totp, TotpSecret,
};

/// Codes, their keys and their names.
#[derive(Clone, Debug)]
pub struct SecondFactorRules {
    /// Checks codes of apps.
    pub totp: Totp,
    /// The name that apps show.
    pub issuer: String,
    /// Encrypts the secrets of apps.
    pub fernet: Fernet,
    /// Hashes recovery codes.
    pub recovery_keys: RecoveryKeys,
}

impl SecondFactorRules {
    /// A secret as it is stored: its Base32 text in a Fernet token, as the original wrote it.
    pub(crate) fn sealed(&self, secret: &TotpSecret, now: Timestamp, entropy: &dyn Entropy) -> String {
        self.fernet.encrypt(secret.to_base32().expose().as_bytes(), now, entropy)
    }

    /// The secret that is stored; none when no key opens it: then no code is right.
    pub(crate) fn opened(&self, stored: &str) -> Option<TotpSecret> {
        let plain = self.fernet.decrypt(stored).ok()?;
        TotpSecret::from_base32(std::str::from_utf8(plain.expose()).ok()?)
    }

    /// Recovery codes, and what is stored of them.
    pub(crate) fn fresh_codes(
        &self,
        person_id: &str,
        entropy: &dyn Entropy,
    ) -> (Vec<RecoveryCode>, Vec<RecoveryCodeHash>) {
        let codes: Vec<RecoveryCode> = (0..RECOVERY_CODES).map(|_| RecoveryCode::generate(entropy)).collect();
        let hashes = codes.iter().map(|code| self.recovery_keys.hash(person_id, code)).collect();
        (codes, hashes)
    }
}
