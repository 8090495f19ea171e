//! Do the keys open the second factors that are stored? A database that is adopted brings secrets, and knows no key yet
//! that a wrong one could be told by.

use backends::sql::Database;
use backends::stores::KeyChecks;
use hardening::fault::Fault;
use hardening::two_factor::Fernet;

use super::StartError;
use crate::config::Secrets;

/// The variable of their keys.
pub const KEY: &str = "TOTP_ENCRYPTION_KEY";
/// So many are tried: enough to tell a wrong key, few enough for every start.
const SAMPLE: u32 = 200;

/// How many of the stored second factors that were tried the keys open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredFactors {
    /// Opened.
    pub readable: usize,
    /// Under another key, or damaged.
    pub sealed: usize,
    /// Active without a secret.
    pub missing: usize,
}

impl StoredFactors {
    /// Tries some of those that are active.
    pub async fn tried(secrets: &Secrets, database: &Database) -> Result<Self, Fault> {
        let fernet = Fernet::new(secrets.totp_encryption_keys.iter().cloned());
        let mut found = Self::default();
        for secret in KeyChecks::new(database.clone()).sealed_secrets(SAMPLE).await? {
            let opens = |secret: &String| fernet.as_ref().is_some_and(|keys| keys.decrypt(secret).is_ok());
            match secret {
                None => found.missing += 1,
                Some(secret) if opens(&secret) => found.readable += 1,
                Some(_) => found.sealed += 1,
            }
        }
        Ok(found)
    }

    /// Whether there are some, and none opens: the key is another one.
    pub const fn are_foreign(self) -> bool {
        self.sealed > 0 && self.readable == 0
    }

    /// What is wrong, in words; none when all can be read.
    pub fn complaint(self) -> Option<String> {
        let Self { readable, sealed, missing } = self;
        let tried = readable + sealed + missing;
        if self.are_foreign() {
            return Some(format!(
                "{KEY} opens none of the {tried} second factors that were tried: they were stored under another key. \
                 Give that key, beside a new one to rotate. If it is lost for good: signupflow keys accept {KEY}; \
                 these people then sign in with recovery codes, or after a reset"
            ));
        }
        (sealed + missing > 0).then(|| {
            format!(
                "of {tried} second factors that were tried, {KEY} does not open {sealed}, and {missing} have no \
                 secret: these people sign in with recovery codes only, until the right key is given beside this \
                 one, or their second factor is reset"
            )
        })
    }
}

/// Before a key is used for the first time: refused when it opens nothing of what is stored.
pub(super) async fn check(secrets: &Secrets, database: &Database) -> Result<(), StartError> {
    let found = StoredFactors::tried(secrets, database).await?;
    match found.complaint() {
        Some(complaint) if found.are_foreign() => Err(StartError::Configuration(complaint)),
        Some(complaint) => {
            tracing::error!("{complaint}");
            Ok(())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_is_told() {
        let found = |readable, sealed, missing| StoredFactors { readable, sealed, missing };
        for fine in [found(0, 0, 0), found(3, 0, 0)] {
            assert_eq!((fine.complaint(), fine.are_foreign()), (None, false));
        }
        assert!(found(0, 2, 1).are_foreign());
        assert!(found(0, 2, 0).complaint().is_some_and(|said| said.contains("opens none of the 2")));
        // Without a secret no key can be told wrong.
        for odd in [found(3, 1, 0), found(0, 0, 2)] {
            assert!(
                !odd.are_foreign() && odd.complaint().is_some_and(|said| said.contains("recovery codes"))
            );
        }
    }
}
