//! Randomness as a port: the operating system's in production, a seeded one where a test must repeat itself.
//!
//! Every secret of the product (session ids, tokens, codes, salts) is made here; a lint forbids other
//! sources. 256 bits is the size of a mailed or stored token (ASVS 5.0, 11.5.1 asks for 128).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::secret::Secret;

/// Where random bytes come from. An implementation never returns predictable bytes to a caller that
/// guards something with them: when it cannot deliver, it panics rather than hand out zeros.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator (`getrandom`).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer)
            .expect("the operating system must give random bytes; nothing is safe without");
    }
}

/// A repeatable generator for tests: SHA-256 over a seed and a counter. Predictable by design.
#[derive(Debug)]
pub struct PredictableEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl PredictableEntropy {
    /// A generator that always gives the same bytes for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for PredictableEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(counter.to_be_bytes())
                .finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// `N` random bytes.
pub fn random_bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A bearer secret of 256 random bits, as 43 characters of unpadded URL-safe Base64.
pub fn random_token(entropy: &dyn Entropy) -> Secret<String> {
    Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>(entropy)))
}

/// An identifier `prefix_` + `UUIDv7` (RFC 9562): sortable by time, unique, and not a secret.
pub fn new_id(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes::<10>(entropy)).into_uuid();
    format!("{prefix}_{uuid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_bytes_repeat_and_differ_between_seeds() {
        let a = random_bytes::<40>(&PredictableEntropy::from_seed(1));
        assert_eq!(a, random_bytes::<40>(&PredictableEntropy::from_seed(1)));
        assert_ne!(a, random_bytes::<40>(&PredictableEntropy::from_seed(2)));
    }

    #[test]
    fn a_hundred_thousand_tokens_are_unique_and_long_enough() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100_000 {
            let token = random_token(&OsEntropy);
            assert_eq!(token.expose().len(), 43);
            assert!(seen.insert(token.expose().clone()));
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = new_id("event", Timestamp::from_unix_seconds(10), &OsEntropy);
        let late = new_id("event", Timestamp::from_unix_seconds(11), &OsEntropy);
        assert!(early < late && early.starts_with("event_"));
    }
}
