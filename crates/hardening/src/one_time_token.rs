//! Single-use bearer tokens that travel by mail: unlocking, "this wasn't me", invitations, password resets.
//!
//! * A token is 256 random bits; only its SHA-256 is stored. A hash of that much randomness needs neither
//!   salt nor stretching (OWASP Forgot Password cheat sheet; ASVS 5.0, 11.5.1).
//! * It is found by its hash, so no secret is ever compared byte by byte.
//! * What it is for is stored beside the hash and asked for when it is redeemed; checking and spending are
//!   one step of the store.
//!
//! ```
//! use hardening::entropy::OsEntropy;
//! use hardening::one_time_token::{OneTimeToken, TokenHash};
//! let (token, stored) = OneTimeToken::generate(&OsEntropy);
//! assert_eq!(TokenHash::of(token.expose()), Some(stored));
//! assert_eq!(TokenHash::of("something else"), None);
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::entropy::{Entropy, random_token};
use crate::secret::Secret;

/// What a token opens, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Lifts a lock.
    Unlock,
    /// "This wasn't me": locks the account.
    NotMe,
    /// Joins an organization.
    Invitation,
    /// Sets a new password.
    PasswordReset,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Unlock, Self::NotMe, Self::Invitation, Self::PasswordReset];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::NotMe => "not_me",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// The maker of tokens.
#[derive(Clone, Copy, Debug)]
pub struct OneTimeToken;

impl OneTimeToken {
    /// A new token of 43 characters, to be mailed, and its hash, to be stored.
    pub fn generate(entropy: &dyn Entropy) -> (Secret<String>, TokenHash) {
        let token = random_token(entropy);
        let hash = TokenHash(Sha256::digest(token.expose()).into());
        (token, hash)
    }
}

/// SHA-256 of a token: what is stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of what somebody presents; `None` unless it has the exact form of a token.
    pub fn of(token: &str) -> Option<Self> {
        if token.len() != 43 {
            return None;
        }
        let mut bytes = [0; 33];
        URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        Some(Self(Sha256::digest(token).into()))
    }

    /// The stored form: 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        crate::hex::lower(&self.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}…)", &self.to_hex()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{OsEntropy, PredictableEntropy};

    #[test]
    fn only_the_exact_form_is_hashed() {
        let (token, hash) = OneTimeToken::generate(&OsEntropy);
        let token = token.expose();
        assert_eq!(TokenHash::of(token), Some(hash));
        let odd_bits = format!("{}{}", &"A".repeat(42), "B");
        for bad in
            ["", &token[1..], &format!("{token}="), &format!(" {}", &token[1..]), &"+".repeat(43), &odd_bits]
        {
            assert_eq!(TokenHash::of(bad), None, "{bad}");
        }
        assert_eq!(TokenHash::of(&"é".repeat(21)), None);
    }

    #[test]
    fn hashes_are_sha_256_of_the_text() {
        let (token, hash) = OneTimeToken::generate(&PredictableEntropy::from_seed(7));
        assert_eq!(hash.to_hex().len(), 64);
        assert_eq!(hash.0, <[u8; 32]>::from(Sha256::digest(token.expose().as_bytes())));
        assert_ne!(hash, OneTimeToken::generate(&PredictableEntropy::from_seed(8)).1);
    }

    #[test]
    fn purposes_round_trip() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
        assert_eq!(Purpose::parse("login"), None);
    }
}
