//! What the fuzz targets share: one key ring, one moment, sessions by number.

use hardening::clock::Timestamp;
use hardening::entropy::PredictableEntropy;
use hardening::keys::KeyRing;
use hardening::secret::Secret;
use hardening::session::SessionId;

/// When everything is judged.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// The same keys in every run, so that seeds stay valid.
pub fn ring() -> KeyRing {
    KeyRing::new(&Secret::new("0123456789abcdef0123456789abcdef-fuzz".to_owned()), None)
}

/// A session's id by number.
pub fn session_id(number: u64) -> SessionId {
    SessionId::generate(&PredictableEntropy::from_seed(number))
}
