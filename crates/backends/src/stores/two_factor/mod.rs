//! [`TwoFactorStore`]: second factors, and the sign-ins that wait for one.

mod change;
mod policies;
mod secrets;

use accounts::error::Error;
use accounts::outbox::Mail;
use accounts::ports::{
    Activation, Enrolment, PendingStep, SecondFactor, Spending, StepPurpose, StoredSecret, TwoFactorStore,
    WrongCode,
};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;
use hardening::two_factor::RecoveryCodeHash;

use super::texts::{Text, texts};
use super::{SqlStore, text_list};
use crate::sql::{Row, Sql, SqlError};

texts! {
    query STATE = Sql::same(
        "SELECT COALESCE(s.totp_enabled, FALSE) AS enabled, s.totp_secret, s.totp_verified_at, s.totp_last_step, \
         s.totp_failures, (SELECT count(*) FROM recovery_codes r WHERE r.person_id = $1 AND r.used_at IS NULL) \
         AS codes_left FROM user_security_settings s WHERE s.user_id = $1",
    );
    query STEP = Sql::same(
        "SELECT person_id, credential_epoch, device_id, created_at, expires_at FROM sign_in_steps \
         WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
    );
    query ENROLMENT = Sql::same(
        "SELECT totp_secret, recovery_codes, created_at, expires_at FROM two_factor_enrolments \
         WHERE person_id = $1 AND expires_at > $2",
    );
}

/// Every text of both ports.
pub(super) fn texts() -> Vec<Text> {
    [TEXTS, change::TEXTS, policies::TEXTS, secrets::TEXTS].concat()
}

fn read_state(row: &Row) -> Result<SecondFactor, SqlError> {
    Ok(SecondFactor {
        enabled: row.bool("enabled")?,
        totp_secret: row.opt_text("totp_secret")?,
        verified_at: row.opt_time("totp_verified_at")?,
        last_step: row.int("totp_last_step")?,
        wrong_in_a_row: row.int("totp_failures")?,
        recovery_codes_left: u32::try_from(row.int("codes_left")?).unwrap_or(u32::MAX),
    })
}

fn read_enrolment(row: &Row) -> Result<Enrolment, SqlError> {
    let codes = text_list(row, "recovery_codes")?;
    Ok(Enrolment {
        totp_secret: row.text("totp_secret")?,
        recovery_codes: codes.iter().filter_map(|hex| hash_of(hex)).collect(),
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// A hash from 64 hexadecimal digits.
fn hash_of(hex: &str) -> Option<RecoveryCodeHash> {
    let mut hash = [0; 32];
    if !hex.is_ascii() || hex.len() != 64 {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(RecoveryCodeHash(hash))
}

#[async_trait]
impl TwoFactorStore for SqlStore {
    async fn state_of(&self, person_id: &str) -> Result<SecondFactor, Fault> {
        let found = self.one(STATE, vec![person_id.into()], read_state).await?;
        Ok(found.unwrap_or_default())
    }

    async fn begin_step(&self, step: &PendingStep, upgraded_hash: Option<String>) -> Result<(), Error> {
        change::begin_step(self, step, upgraded_hash).await
    }

    async fn pending_step(
        &self,
        token: &TokenHash,
        purpose: StepPurpose,
        now: Timestamp,
    ) -> Result<Option<PendingStep>, Fault> {
        let read = |row: &Row| {
            Ok(PendingStep {
                token: *token,
                purpose,
                person_id: row.text("person_id")?,
                credential_epoch: row.int("credential_epoch")?,
                device_id: row.opt_text("device_id")?,
                created_at: row.time("created_at")?,
                expires_at: row.time("expires_at")?,
            })
        };
        self.one(STEP, vec![token.0.into(), purpose.as_str().into(), now.into()], read).await
    }

    async fn spend_code(
        &self,
        spending: Spending,
        step: Option<TokenHash>,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        change::spend_code(self, &spending, step, trail, &mails).await
    }

    async fn record_wrong_code(&self, wrong: WrongCode, trail: Trail, mails: Vec<Mail>) -> Result<(), Error> {
        change::record_wrong_code(self, wrong, trail, &mails).await
    }

    async fn begin_enrolment(
        &self,
        person_id: &str,
        enrolment: &Enrolment,
        trail: Trail,
    ) -> Result<(), Error> {
        change::begin_enrolment(self, person_id, enrolment, trail).await
    }

    async fn enrolment_of(&self, person_id: &str, now: Timestamp) -> Result<Option<Enrolment>, Fault> {
        self.one(ENROLMENT, vec![person_id.into(), now.into()], read_enrolment).await
    }

    async fn activate(&self, activation: Activation, trail: Trail, mails: Vec<Mail>) -> Result<(), Error> {
        change::activate(self, &activation, trail, &mails).await
    }

    async fn disable(&self, spending: Spending, trail: Trail, mails: Vec<Mail>) -> Result<(), Error> {
        change::disable(self, &spending, trail, &mails).await
    }

    async fn forget_enrolment(&self, person_id: &str, trail: Trail) -> Result<(), Error> {
        change::forget_enrolment(self, person_id, trail).await
    }

    async fn reset(
        &self,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        change::reset(self, person_id, at, trail, &mails).await
    }

    async fn replace_recovery_codes(
        &self,
        spending: Spending,
        fresh: &[RecoveryCodeHash],
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        change::replace_recovery_codes(self, &spending, fresh, trail, &mails).await
    }

    async fn stored_secrets(&self, after: &str, limit: u32) -> Result<Vec<StoredSecret>, Fault> {
        secrets::list(self, after, limit).await
    }

    async fn count_secrets(&self) -> Result<i64, Fault> {
        secrets::count(self).await
    }

    async fn replace_secret(&self, before: &StoredSecret, after: &StoredSecret) -> Result<bool, Fault> {
        secrets::replace(self, before, after).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_from_whole_hexadecimal_digits() {
        let hash = TokenHash([0xab; 32]);
        assert_eq!(hash_of(&hash.to_hex()), Some(RecoveryCodeHash([0xab; 32])));
        for bad in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(hash_of(bad), None, "{bad}");
        }
    }
}
