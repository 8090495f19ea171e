//! The logins of a demo, kept beside its data for the next start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hardening::entropy::{Entropy, random_bytes};
use serde::{Deserialize, Serialize};

use crate::cli::failure::Failure;

const FILE: &str = "demo-logins.json";

/// One account of a demo. Nothing about it is secret: it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: String,
}

/// Four groups of five letters and digits without look-alikes: 100 bits, easy to copy.
pub(super) fn random_password(entropy: &dyn Entropy) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = random_bytes::<20>(entropy);
    let letters: Vec<char> =
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

pub(super) fn read(folder: &Path) -> Result<Option<Vec<Login>>, Failure> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Failure::Refused(format!("{} cannot be understood: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Refused(format!("{} cannot be read: {error}", path.display()))),
    }
}

pub(super) fn write(folder: &Path, logins: &[Login]) -> Result<(), Failure> {
    let path = folder.join(FILE);
    let unwritable =
        |error: io::Error| Failure::Refused(format!("{} cannot be written: {error}", path.display()));
    let text = serde_json::to_string_pretty(logins).map_err(|error| unwritable(error.into()))?;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardening::entropy::OsEntropy;
    use hardening::password::{PasswordPolicy, normalise};

    #[test]
    fn passwords_differ_and_pass_the_policy() {
        let one = random_password(&OsEntropy);
        assert_ne!(one, random_password(&OsEntropy));
        assert_eq!(one.len(), 23);
        assert!(PasswordPolicy::default().check(&normalise(&one), &[]).is_ok());
    }

    #[test]
    fn logins_are_kept_and_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).is_ok_and(|none| none.is_none()));
        let login = Login {
            role: "admin".into(),
            name: "A".into(),
            email: "a@example.org".into(),
            password: "p".into(),
        };
        write(folder.path(), std::slice::from_ref(&login)).expect("writable");
        assert!(read(folder.path()).is_ok_and(|found| found == Some(vec![login])));
    }
}
