//! [`PasswordResetStore`]: requests for reset links, and the links.

use accounts::error::Error;
use accounts::outbox::Mail;
use accounts::ports::{KnownLink, OneTimeGrant, PasswordReset, PasswordResetStore, ResetRequest};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::{Purpose, TokenHash};

use super::{locks, sign_ins};
use crate::sql::{Row, Sql, SqlError, Unit};
use crate::stores::refusals::{CONFLICT, TOKEN_INVALID};
use crate::stores::texts::texts;
use crate::stores::{SqlStore, json_list};

texts! {
    run ASK = Sql::same(
        "INSERT INTO password_reset_requests (id, email_canonical, ip_address, user_agent, request_id, asked_at, \
         due_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
    );
    query DUE = Sql::same(
        "SELECT id, email_canonical, ip_address, user_agent, request_id, asked_at, due_at \
         FROM password_reset_requests WHERE due_at <= $1 ORDER BY asked_at, id LIMIT $2",
    );
    run TAKE = Sql::same("UPDATE password_reset_requests SET due_at = $3 WHERE id = $1 AND due_at = $2");
    run PUT_BACK = Sql::pair(
        "UPDATE password_reset_requests SET due_at = $2 WHERE id IN (SELECT value FROM json_each($1))",
        "UPDATE password_reset_requests SET due_at = $2 WHERE id IN \
         (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))",
    );
    run DISMISS = Sql::pair(
        "DELETE FROM password_reset_requests WHERE id IN (SELECT value FROM json_each($1))",
        "DELETE FROM password_reset_requests WHERE id IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))",
    );
    guard ANSWER = Sql::same("DELETE FROM password_reset_requests WHERE id = $1");
    guard LOCK_WHO_MAY_SIGN_IN = Sql::same(
        "UPDATE people SET status = status WHERE id = $1 AND status = 'active' AND EXISTS \
         (SELECT 1 FROM organizations o WHERE o.id = people.org_id AND o.status = 'active')",
    );
    run VOID_OLDER_LINKS = Sql::same(
        "DELETE FROM one_time_tokens WHERE person_id = $1 AND purpose = 'password_reset' AND used_at IS NULL \
         AND token_hash NOT IN (SELECT t.token_hash FROM one_time_tokens t WHERE t.person_id = $1 \
         AND t.purpose = 'password_reset' AND t.used_at IS NULL ORDER BY t.created_at DESC, t.token_hash \
         LIMIT CAST($2 AS BIGINT))",
    );
    query KNOWN = Sql::same(
        "SELECT person_id, used_at, expires_at FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2",
    );
    run RAISE_EPOCHS = Sql::same(
        "INSERT INTO user_security_settings (user_id, created_at, updated_at, last_password_change, \
         credential_epoch, device_epoch) VALUES ($1, $2, $2, $2, 1, 1) ON CONFLICT (user_id) DO UPDATE SET \
         credential_epoch = user_security_settings.credential_epoch + 1, \
         device_epoch = user_security_settings.device_epoch + 1, updated_at = excluded.updated_at, \
         last_password_change = excluded.last_password_change",
    );
}

fn request(row: &Row) -> Result<(ResetRequest, Timestamp), SqlError> {
    let request = ResetRequest {
        id: row.text("id")?,
        email_canonical: row.text("email_canonical")?,
        ip_address: row.text("ip_address")?,
        user_agent: row.opt_text("user_agent")?,
        request_id: row.text("request_id")?,
        asked_at: row.time("asked_at")?,
    };
    Ok((request, row.time("due_at")?))
}

#[async_trait]
impl PasswordResetStore for SqlStore {
    async fn ask(&self, request: &ResetRequest) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("a reset link was asked for; its trail comes with the link");
        unit.run(
            ASK,
            vec![
                (&request.id).into(),
                (&request.email_canonical).into(),
                (&request.ip_address).into(),
                request.user_agent.as_deref().into(),
                (&request.request_id).into(),
                request.asked_at.into(),
            ],
        );
        self.keep_up(unit).await.map(|_| ())
    }

    async fn take_requests(
        &self,
        limit: u32,
        now: Timestamp,
        hidden_until: Timestamp,
    ) -> Result<Vec<ResetRequest>, Fault> {
        let due = self.all(DUE, vec![now.into(), limit.into()], request).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut unit = Unit::housekeeping("takes requests for reset links");
        for (request, due_at) in &due {
            unit.run(TAKE, vec![(&request.id).into(), (*due_at).into(), hidden_until.into()]);
        }
        let committed = self.keep_up(unit).await?;
        // Whoever takes one changes what the others must find.
        let won = due.into_iter().enumerate().filter(|(at, _)| committed.rows(*at) == 1);
        Ok(won.map(|(_, (request, _))| request).collect())
    }

    async fn put_back(&self, ids: &[String], until: Timestamp) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("requests for reset links wait");
        unit.run(PUT_BACK, vec![json_list(ids), until.into()]);
        self.keep_up(unit).await.map(|_| ())
    }

    async fn dismiss(&self, ids: &[String]) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut unit = Unit::housekeeping("requests for reset links that lead to nothing");
        unit.run(DISMISS, vec![json_list(ids)]);
        self.keep_up(unit).await.map(|_| ())
    }

    async fn issue_link(
        &self,
        request_id: &str,
        grant: &OneTimeGrant,
        live: u32,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        let person_id = grant.person_id.as_str();
        let mut unit = self.unit(trail);
        // The person's row first: two links of one person take turns.
        unit.guarded(LOCK_WHO_MAY_SIGN_IN, vec![person_id.into()], CONFLICT);
        unit.guarded(ANSWER, vec![request_id.into()], CONFLICT);
        sign_ins::grant(&mut unit, grant);
        unit.run(VOID_OLDER_LINKS, vec![person_id.into(), live.into()]);
        self.enqueue(&mut unit, &mails);
        self.store(unit).await.map(|_| ())
    }

    async fn known_link(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<KnownLink>, Fault> {
        let params = vec![hash.0.into(), Purpose::PasswordReset.as_str().into()];
        self.one(KNOWN, params, |row| {
            let is_live = row.opt_time("used_at")?.is_none() && row.time("expires_at")? > now;
            Ok(KnownLink { person_id: row.text("person_id")?, is_live })
        })
        .await
    }

    async fn redeem_link(
        &self,
        change: PasswordReset,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<Vec<String>, Error> {
        let person_id = change.person_id.as_str();
        let lifted = locks::keys_but_codes(self, person_id).await?;
        let mut unit = self.unit(trail);
        unit.guarded(LOCK_WHO_MAY_SIGN_IN, vec![person_id.into()], TOKEN_INVALID);
        locks::spend(&mut unit, &change.hash, Purpose::PasswordReset.as_str(), change.at, person_id);
        locks::set_hash(&mut unit, person_id, &change.new_hash, change.account_key.as_deref());
        unit.run(RAISE_EPOCHS, vec![person_id.into(), change.at.into()]);
        locks::lift_all_but_codes(&mut unit, person_id, change.at);
        if let Some(notice) = &change.notice {
            sign_ins::grant(&mut unit, notice);
        }
        self.enqueue(&mut unit, &mails);
        self.store(unit).await?;
        Ok(lifted)
    }
}
