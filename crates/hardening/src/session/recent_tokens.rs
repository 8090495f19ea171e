//! Session tokens that were found good of late: most requests bring one that was verified a moment ago.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::token::SessionClaims;
use crate::secret::{Secret, same};

/// Places; a token has one of them, by the end of its signature, and newer ones displace older ones.
const PLACES: usize = 1024;
/// How much of the signature's end chooses the place.
const CHOOSING: usize = 8;

/// Only tokens whose signature and claims were checked come in; whether their time is over is asked every time.
pub(super) struct RecentTokens(Box<[Mutex<Option<Good>>]>);

struct Good {
    token: Secret<Box<str>>,
    claims: Arc<SessionClaims>,
}

impl Default for RecentTokens {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl fmt::Debug for RecentTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecentTokens([REDACTED])")
    }
}

impl RecentTokens {
    /// What the token says, if these very bytes were found good.
    pub(super) fn find(&self, token: &str) -> Option<Arc<SessionClaims>> {
        let place = self.place(token)?;
        let good = place.as_ref().filter(|good| same(good.token.expose().as_bytes(), token.as_bytes()))?;
        Some(Arc::clone(&good.claims))
    }

    /// Remembers a token that was found good.
    pub(super) fn keep(&self, token: &str, claims: &Arc<SessionClaims>) {
        if let Some(mut place) = self.place(token) {
            *place = Some(Good { token: Secret::new(token.into()), claims: Arc::clone(claims) });
        }
    }

    fn place(&self, token: &str) -> Option<MutexGuard<'_, Option<Good>>> {
        let end = token.as_bytes().last_chunk::<CHOOSING>()?;
        let mixed = u64::from_le_bytes(*end).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let place = self.0.get(usize::try_from(mixed).unwrap_or(0) % PLACES)?;
        Some(place.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
