//! The second factor: time-based codes, recovery codes, their storage form and the QR code that hands a secret over.
//!
//! * [`Totp`]: RFC 6238 with what every authenticator app understands: SHA-1, 6 digits, 30 seconds. A check names
//!   the time step it matched; whoever stores it refuses that step and older ones ever after (RFC 6238, 5.2).
//! * [`RecoveryCode`]: 120 random bits, kept as a keyed hash, so that checking one is one lookup (NIST
//!   SP 800-63B-4, 3.1.2).
//! * [`Fernet`]: how secrets are kept at rest, readable by Python's `cryptography.fernet`.
//! * [`TypedCode`]: what people type, told apart and read strictly.
//!
//! What the deployment must ensure: clocks within half a minute of the truth; keys the same on all nodes.
//!
//! ```
//! use hardening::clock::Timestamp;
//! use hardening::entropy::OsEntropy;
//! use hardening::two_factor::{Totp, TotpSecret, TotpVerdict};
//! let (totp, secret) = (Totp::new(1), TotpSecret::generate(&OsEntropy));
//! let now = Timestamp::from_unix_seconds(1_800_000_000);
//! let code = totp.code_at(&secret, now);
//! let TotpVerdict::Right(step) = totp.check(&secret, &code, 0, now) else { panic!("the right code") };
//! assert_eq!(totp.check(&secret, &code, step, now), TotpVerdict::Used);
//! ```

mod fernet;
mod otpauth;
mod qr;
mod recovery;
mod totp;
mod typed;

pub use fernet::{Fernet, FernetRefused};
pub use otpauth::otpauth_uri;
pub use qr::{QrCode, TooLong};
pub use recovery::{RECOVERY_CODES, RecoveryCode, RecoveryCodeHash, RecoveryKeys};
pub use totp::{Totp, TotpCode, TotpSecret, TotpVerdict};
pub use typed::{NotACode, TypedCode};
