//! Are these the keys the database was made with? A wrong one must not sign or encrypt over data of another.
//!
//! * The first start writes check values down, if the keys open what is stored already; from then on a key that is not known, and comes without one that is,
//!   stops the start.
//! * Rotating gives both keys once: the new one is written down beside the old one.
//! * A node that was not told of a rotation yet goes on with the old key, and a warning.

use backends::sql::Database;
use backends::stores::{KeyChecks, UsedKey};
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::key_check::{KeyCheck, Verdict, judge};

use super::{StartError, stored_factors};
use crate::config::Secrets;

/// How often another node may have been faster.
const ATTEMPTS: u32 = 8;

/// A key of the configuration.
#[derive(Clone, Debug)]
pub struct ConfiguredKey {
    /// Its variable.
    pub name: &'static str,
    /// Check values, that of the key that signs or encrypts first.
    checks: Vec<KeyCheck>,
}

/// Every key that is worth nothing when it is the wrong one.
pub fn configured(secrets: &Secrets) -> Vec<ConfiguredKey> {
    let roots = [Some(&secrets.secret_key), secrets.secret_key_previous.as_ref()];
    let roots = roots.into_iter().flatten().map(|root| KeyCheck::of(root.expose().as_bytes()));
    let totp = secrets.totp_encryption_keys.iter().map(|key| KeyCheck::of(key.expose()));
    let audit = KeyCheck::of(secrets.audit_signing_seed.expose());
    vec![
        ConfiguredKey { name: "SECRET_KEY", checks: roots.collect() },
        ConfiguredKey { name: stored_factors::KEY, checks: totp.collect() },
        ConfiguredKey { name: "AUDIT_SIGNING_KEY", checks: vec![audit] },
    ]
}

impl ConfiguredKey {
    /// What is to be thought of it, without writing anything, and in words.
    pub async fn examine(&self, database: &Database) -> Result<(Verdict, String), Fault> {
        let used = KeyChecks::new(database.clone()).known(self.name).await?;
        let verdict = self.judged(&used);
        Ok((verdict, self.words(verdict, &used)))
    }

    /// Makes it the key that is used from now on, whatever was used before.
    pub async fn accept(&self, database: &Database, now: Timestamp) -> Result<(), StartError> {
        self.settle(database, now, true).await
    }

    async fn settle(&self, database: &Database, now: Timestamp, any: bool) -> Result<(), StartError> {
        let store = KeyChecks::new(database.clone());
        for _ in 0..ATTEMPTS {
            let used = store.known(self.name).await?;
            match self.judged(&used) {
                Verdict::Current => return Ok(()),
                Verdict::Older => {
                    tracing::warn!("{}", self.words(Verdict::Older, &used));
                    return Ok(());
                }
                Verdict::Foreign if !any => {
                    return Err(StartError::Configuration(self.words(Verdict::Foreign, &used)));
                }
                Verdict::First | Verdict::Newer | Verdict::Foreign => {}
            }
            let generation = used.last().map_or(1, |newest| newest.generation + 1);
            let key = UsedKey { generation, check: self.signs().clone(), since: now };
            if store.record(self.name, &key).await? {
                tracing::info!(key = self.name, check = %key.check, generation, "a key is used for the first time");
                return Ok(());
            }
        }
        Err(StartError::Backend("other nodes keep writing down other keys".to_owned()))
    }

    fn signs(&self) -> &KeyCheck {
        &self.checks[0]
    }

    fn judged(&self, used: &[UsedKey]) -> Verdict {
        let known: Vec<_> = used.iter().map(|used| used.check.clone()).collect();
        judge(&self.checks, &known)
    }

    fn words(&self, verdict: Verdict, used: &[UsedKey]) -> String {
        let (name, own) = (self.name, self.signs());
        let newest = used.last().map(|key| format!("{} since {}", key.check, key.since)).unwrap_or_default();
        match verdict {
            Verdict::First => format!("{name} ({own}) was not used with this database yet"),
            Verdict::Current => format!("{name} ({own}) is the one this database knows"),
            Verdict::Newer => format!("{name} ({own}) is being rotated; this database knows {newest}"),
            Verdict::Older => format!(
                "{name} is an older key (check value {own}) than the one other nodes use ({newest}): what they sign \
                 or encrypt cannot be read here"
            ),
            Verdict::Foreign => format!(
                "{name} is not the key this database was used with: its check value is {own}, that of the right one \
                 is {newest}. Give the right key; to rotate, give the old one beside it. If the old one is lost for \
                 good, with what it protects: signupflow keys accept {name}"
            ),
        }
    }
}

/// Stops the start when a key is not the one the database was used with.
pub(super) async fn check(secrets: &Secrets, database: &Database, now: Timestamp) -> Result<(), StartError> {
    for key in configured(secrets) {
        if key.name == stored_factors::KEY && key.examine(database).await?.0 == Verdict::First {
            stored_factors::check(secrets, database).await?;
        }
        key.settle(database, now, false).await?;
    }
    Ok(())
}
