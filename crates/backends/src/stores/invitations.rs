//! [`InvitationStore`]: invitations, found by the hash of their mailed token.

use accounts::error::Error;
use accounts::model::{Invitation, Page};
use accounts::outbox::Mail;
use accounts::ports::InvitationStore;
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;

use super::outbox::dropped_mail;
use super::refusals::{INVITATION_OPEN, NO_INVITATION, NO_ORGANIZATION};
use super::texts::texts;
use super::{SqlStore, after, json_list, text_list};
use crate::sql::{Row, Sql, SqlError};

macro_rules! invitations {
    ($condition:literal) => {
        Sql::same(concat!(
            "SELECT i.id, i.org_id, i.email, i.email_canonical, i.roles, i.status, i.invited_by, i.created_at, \
             i.expires_at FROM invitations i WHERE ",
            $condition
        ))
    };
}

texts! {
    query GET = invitations!("i.id = $2 AND i.org_id = $1");
    query LIST = invitations!("i.org_id = $1 AND i.id > $2 ORDER BY i.id LIMIT $3");
    query BY_TOKEN = invitations!(
        "i.token_hash = $1 AND i.status = 'pending' AND i.expires_at > $2 AND i.org_id IN \
         (SELECT o.id FROM organizations o WHERE o.status = 'active')"
    );
    // Two for the same address take turns at the organization's row.
    guard LOCK_ORGANIZATION = Sql::same(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND status = 'active'",
    );
    guard INSERT = Sql::same(
        "INSERT INTO invitations (id, org_id, email, email_canonical, roles, status, token_hash, invited_by, \
         created_at, expires_at, updated_at) SELECT $1, o.id, $3, $4, $5, $6, $7, $8, $9, $10, $9 \
         FROM organizations o WHERE o.id = $2 AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.org_id = $2 \
         AND i.email_canonical = $4 AND i.status = 'pending' AND i.expires_at > $9)",
    );
    guard REVOKE = Sql::same(
        "UPDATE invitations SET status = 'revoked', updated_at = $3 WHERE id = $1 AND org_id = $2 \
         AND status = 'pending'",
    );
    run DROP_MAIL = dropped_mail!("invitation_id = $1");
}

fn read(row: &Row) -> Result<Invitation, SqlError> {
    Ok(Invitation {
        id: row.text("id")?,
        org_id: row.text("org_id")?,
        email: row.text("email")?,
        email_canonical: row.text("email_canonical")?,
        roles: text_list(row, "roles")?,
        status: row.text("status")?,
        invited_by: row.text("invited_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

#[async_trait]
impl InvitationStore for SqlStore {
    async fn get(&self, org_id: &str, invitation_id: &str) -> Result<Option<Invitation>, Fault> {
        self.one(GET, vec![org_id.into(), invitation_id.into()], read).await
    }

    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Invitation>, Fault> {
        self.all(LIST, vec![org_id.into(), after(page), page.limit.into()], read).await
    }

    async fn by_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Invitation>, Fault> {
        self.one(BY_TOKEN, vec![hash.0.into(), now.into()], read).await
    }

    async fn create(
        &self,
        invitation: &Invitation,
        token: &TokenHash,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(LOCK_ORGANIZATION, vec![(&invitation.org_id).into()], NO_ORGANIZATION);
        unit.guarded(
            INSERT,
            vec![
                (&invitation.id).into(),
                (&invitation.org_id).into(),
                (&invitation.email).into(),
                (&invitation.email_canonical).into(),
                json_list(&invitation.roles),
                (&invitation.status).into(),
                token.0.into(),
                (&invitation.invited_by).into(),
                invitation.created_at.into(),
                invitation.expires_at.into(),
            ],
            INVITATION_OPEN,
        );
        self.enqueue_with(&mut unit, &mails, Some(&invitation.id));
        self.store(unit).await.map(|_| ())
    }

    async fn revoke(&self, before: &Invitation, at: Timestamp, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(REVOKE, vec![(&before.id).into(), (&before.org_id).into(), at.into()], NO_INVITATION);
        unit.run(DROP_MAIL, vec![(&before.id).into(), at.into()]);
        self.store(unit).await.map(|_| ())
    }
}
