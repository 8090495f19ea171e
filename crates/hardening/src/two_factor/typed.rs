//! What people type where a code is asked for.

use super::{RecoveryCode, TotpCode};
use crate::secret::Secret;

/// A code, told apart by its form.
#[derive(Clone, Debug)]
pub enum TypedCode {
    /// Six digits from an app.
    App(TotpCode),
    /// One of the saved codes.
    Recovery(RecoveryCode),
}

/// Neither six digits nor a recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the six digits of your app, or a recovery code of six groups such as ABCD-EFGH-IJKL-MNOP-QRST-UVWX"
)]
pub struct NotACode;

impl TypedCode {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`NotACode`]: nothing was checked, and nothing needs to be counted.
    pub fn parse(text: &Secret<String>) -> Result<Self, NotACode> {
        let app = TotpCode::parse(text.expose()).map(Self::App);
        app.or_else(|| RecoveryCode::parse(text.expose()).map(Self::Recovery)).ok_or(NotACode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TypedCode, NotACode> {
        TypedCode::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_form_tells() {
        assert!(matches!(parse("012345"), Ok(TypedCode::App(_))));
        assert!(matches!(parse("ABCD-EFGH-IJKL-MNOP-QRST-UVWX"), Ok(TypedCode::Recovery(_))));
        for bad in ["", "12345", "1234567", "+12345", " 123456", "１２３４５６", "ABCD-EFGH"] {
            assert_eq!(parse(bad).err(), Some(NotACode), "{bad}");
        }
    }
}
