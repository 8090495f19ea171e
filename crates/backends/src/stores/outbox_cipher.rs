//! Encryption of waiting mail at rest: a copied database must not hold live links.
//!
//! Form of a stored content: version octet 1, 24 octets of nonce, XChaCha20-Poly1305 ciphertext (RFC 8439 with
//! the extended nonce, so that random nonces never meet). The mail's id is associated data: a content moved to
//! another row does not open.

use std::fmt;
use std::sync::Arc;

use accounts::outbox::Mail;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hardening::entropy::{Entropy, random_bytes};
use hardening::secret::Secret;

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// Encrypts and decrypts waiting mail. Clones share the keys.
#[derive(Clone)]
pub struct OutboxCipher(Arc<Inner>);

struct Inner {
    current: XChaCha20Poly1305,
    previous: Option<XChaCha20Poly1305>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for OutboxCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutboxCipher")
    }
}

impl OutboxCipher {
    /// Encrypts with `current`; opens also what `previous` encrypted, for rotation.
    pub fn new(
        current: &Secret<[u8; 32]>,
        previous: Option<&Secret<[u8; 32]>>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let cipher = |key: &Secret<[u8; 32]>| XChaCha20Poly1305::new(&Key::from(*key.expose()));
        Self(Arc::new(Inner { current: cipher(current), previous: previous.map(cipher), entropy }))
    }

    /// The stored form of a mail.
    pub(super) fn seal(&self, mail: &Mail) -> Vec<u8> {
        let nonce: [u8; NONCE_LENGTH] = random_bytes(&*self.0.entropy);
        let plain = mail.to_bytes();
        let payload = Payload { msg: plain.expose(), aad: mail.id.as_bytes() };
        let sealed = self
            .0
            .current
            .encrypt(&XNonce::from(nonce), payload)
            .expect("only texts beyond 256 GB cannot be encrypted");
        [&[VERSION][..], &nonce, &sealed].concat()
    }

    /// The mail with this id; the error says why it cannot be read.
    pub(super) fn open(&self, id: &str, stored: &[u8]) -> Result<Mail, &'static str> {
        let [VERSION, rest @ ..] = stored else {
            return Err("the stored content has an unknown form");
        };
        let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE_LENGTH>() else {
            return Err("the stored content is too short");
        };
        let nonce = XNonce::from(*nonce);
        let plain = [Some(&self.0.current), self.0.previous.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|key| key.decrypt(&nonce, Payload { msg: sealed, aad: id.as_bytes() }).ok())
            .map(Secret::new)
            .ok_or("no key opens the stored content")?;
        Mail::from_bytes(plain.expose())
            .filter(|mail| mail.id == id)
            .ok_or("the stored content is not a mail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use accounts::outbox::Content;
    use hardening::clock::Timestamp;
    use hardening::entropy::PredictableEntropy;

    fn mail(id: &str) -> Mail {
        Mail {
            id: id.into(),
            person_id: None,
            recipient: "bo@example.com".into(),
            language: "en".into(),
            content: Content::Invitation {
                invitation_token: "live-token".into(),
                organization: "Acme".into(),
                org_id: None,
                invited_by: "Ann".into(),
            },
            expires_at: Timestamp::MAX,
            link_expires_at: None,
            created_at: Timestamp::EPOCH,
        }
    }

    fn cipher(current: u8, previous: Option<u8>) -> OutboxCipher {
        let previous = previous.map(|byte| Secret::new([byte; 32]));
        let entropy = Arc::new(PredictableEntropy::from_seed(u64::from(current)));
        OutboxCipher::new(&Secret::new([current; 32]), previous.as_ref(), entropy)
    }

    #[test]
    fn a_sealed_mail_hides_its_token_and_opens_again() {
        let cipher = cipher(1, None);
        let (once, again) = (cipher.seal(&mail("mail_1")), cipher.seal(&mail("mail_1")));
        assert_ne!(once, again, "nonces are never reused");
        assert!(!String::from_utf8_lossy(&once).contains("live-token"));
        assert_eq!(cipher.open("mail_1", &once), Ok(mail("mail_1")));
    }

    #[test]
    fn rotation_opens_what_the_previous_key_sealed() {
        let sealed = cipher(1, None).seal(&mail("mail_1"));
        assert_eq!(cipher(2, Some(1)).open("mail_1", &sealed), Ok(mail("mail_1")));
        assert!(cipher(2, None).open("mail_1", &sealed).is_err());
    }

    #[test]
    fn a_moved_or_altered_content_does_not_open() {
        let cipher = cipher(1, None);
        let sealed = cipher.seal(&mail("mail_1"));
        assert!(cipher.open("mail_2", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(cipher.open("mail_1", &altered).is_err(), "octet {at}");
        }
        for length in 0..sealed.len() {
            assert!(cipher.open("mail_1", &sealed[..length]).is_err(), "{length} octets");
        }
    }
}
