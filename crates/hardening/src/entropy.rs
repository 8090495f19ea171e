//! Randomness as a port: the operating system's in production, a seeded one where a test must repeat itself.
//!
//! Every secret of the product (session ids, tokens, codes, salts) is made here; a lint forbids other
//! sources. 256 bits is the size of a mailed or stored token (ASVS 5.0, 11.5.1 asks for 128).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// The operating system's bytes, drawn some hundred at a time: a call to the system costs more than the rest of what
/// names a request. For what is no secret: after a copy of a running machine, both go on with the same bytes.
#[derive(Debug, Default)]
pub struct PooledEntropy {
    drawn: Mutex<Pool>,
}

#[derive(Debug)]
struct Pool {
    bytes: [u8; POOL],
    used: usize,
}

/// What the system gives in one piece, whatever happens (getrandom(2)).
const POOL: usize = 256;

impl Default for Pool {
    fn default() -> Self {
        Self { bytes: [0; POOL], used: POOL }
    }
}

impl Entropy for PooledEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > POOL {
            return OsEntropy.fill(buffer);
        }
        let mut pool = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if POOL - pool.used < buffer.len() {
            // Used up first: if the system panics, nothing is handed out twice.
            pool.used = POOL;
            OsEntropy.fill(&mut pool.bytes);
            pool.used = 0;
        }
        let (start, end) = (pool.used, pool.used + buffer.len());
        buffer.copy_from_slice(&pool.bytes[start..end]);
        pool.bytes[start..end].fill(0);
        pool.used = end;
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
    fn pooled_bytes_are_handed_out_once_to_whoever_asks() {
        let pool = PooledEntropy::default();
        let ask = || (0..500).map(|_| random_bytes::<16>(&pool)).collect::<Vec<_>>();
        let mut all: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("it ends well")).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2_000);
        assert!(!all.contains(&[0; 16]), "what is used up is not handed out");
        let mut large = [0; 3 * POOL];
        pool.fill(&mut large);
        assert!(large[2 * POOL..].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = new_id("event", Timestamp::from_unix_seconds(10), &OsEntropy);
        let late = new_id("event", Timestamp::from_unix_seconds(11), &OsEntropy);
        assert!(early < late && early.starts_with("event_"));
    }
}
