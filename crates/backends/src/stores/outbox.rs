//! [`Outbox`]: mail waiting for delivery, encrypted.

use accounts::error::Error;
use accounts::outbox::Mail;
use accounts::ports::{Backlog, DueMail, MailStatus, Outbox, OutboxRow};
use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::SqlStore;
use super::refusals::CONFLICT;
use super::texts::texts;
use crate::sql::{Row, Sql, SqlError, Unit};

/// The longest kept answer of a mail server, in characters.
const ERROR_KEPT: usize = 500;

/// What has not been delivered is not delivered any more, and says nothing to anybody. `$2` is the present.
macro_rules! dropped_mail {
    ($condition:literal) => {
        $crate::sql::Sql::same(concat!(
            "UPDATE outbox_messages SET status = CASE status WHEN 'delivered' THEN status ELSE 'expired' END, \
             content = NULL, last_error = NULL, updated_at = $2 WHERE ",
            $condition
        ))
    };
}

pub(super) use dropped_mail;

texts! {
    run INSERT = Sql::same(
        "INSERT INTO outbox_messages (id, kind, person_id, invitation_id, content, status, attempts, \
         next_attempt_at, expires_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $7, $6, $6)",
    );
    query DUE = Sql::same(
        "SELECT id, content, attempts, next_attempt_at, EXISTS (SELECT 1 FROM people p WHERE p.id = \
         outbox_messages.person_id \
         AND p.status = 'deleted') AS is_for_nobody FROM outbox_messages WHERE status = 'waiting' \
         AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2",
    );
    run CLAIM = Sql::same(
        "UPDATE outbox_messages SET attempts = attempts + 1, next_attempt_at = $4, updated_at = $5 \
         WHERE id = $1 AND status = 'waiting' AND attempts = $2 AND next_attempt_at = $3",
    );
    run SETTLE = Sql::same(
        "UPDATE outbox_messages SET status = $2, last_error = $3, updated_at = $4, \
         content = CASE WHEN $5 THEN content ELSE NULL END WHERE id = $1 AND status = 'waiting'",
    );
    guard BURY = Sql::same(
        "UPDATE outbox_messages SET status = 'dead', last_error = $2, updated_at = $3 \
         WHERE id = $1 AND status = 'waiting'",
    );
    guard REVIVE = Sql::same(
        "UPDATE outbox_messages SET status = 'waiting', attempts = 0, next_attempt_at = $2, updated_at = $2 \
         WHERE id = $1 AND status = 'dead' AND content IS NOT NULL AND expires_at > $2",
    );
    run POSTPONE = Sql::same(
        "UPDATE outbox_messages SET next_attempt_at = $2, last_error = $3, updated_at = $4 \
         WHERE id = $1 AND status = 'waiting'",
    );
    query NEWEST = Sql::same(
        "SELECT id, kind, person_id, status, attempts, next_attempt_at, last_error, created_at, expires_at \
         FROM outbox_messages ORDER BY created_at DESC, id DESC LIMIT $1",
    );
    query NEWEST_OF_STATUS = Sql::same(
        "SELECT id, kind, person_id, status, attempts, next_attempt_at, last_error, created_at, expires_at \
         FROM outbox_messages WHERE status = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
    );
    query BY_ID = Sql::same(
        "SELECT id, kind, person_id, status, attempts, next_attempt_at, last_error, created_at, expires_at \
         FROM outbox_messages WHERE id = $1",
    );
    query BACKLOG = Sql::same(
        "SELECT status, COUNT(*) AS messages, MIN(created_at) AS oldest FROM outbox_messages \
         WHERE status IN ('waiting', 'dead') GROUP BY status",
    );
}

/// A due message as it was seen.
struct Seen {
    id: String,
    content: Option<Vec<u8>>,
    attempts: i64,
    next_attempt_at: Timestamp,
    /// Stored at the moment its person was deleted, and not seen by that.
    is_for_nobody: bool,
}

fn seen(row: &Row) -> Result<Seen, SqlError> {
    Ok(Seen {
        id: row.text("id")?,
        content: row.opt_bytes("content")?,
        attempts: row.int("attempts")?,
        next_attempt_at: row.time("next_attempt_at")?,
        is_for_nobody: row.bool("is_for_nobody")?,
    })
}

fn listed(row: &Row) -> Result<OutboxRow, SqlError> {
    Ok(OutboxRow {
        id: row.text("id")?,
        kind: row.text("kind")?,
        person_id: row.opt_text("person_id")?,
        status: row.text("status")?,
        attempts: count(row.int("attempts")?),
        next_attempt_at: row.time("next_attempt_at")?,
        last_error: row.opt_text("last_error")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

fn count(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

/// What can be stored of a mail server's answer.
fn storable(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(ERROR_KEPT).collect()
}

impl SqlStore {
    /// Adds mails to the change that causes them.
    pub(super) fn enqueue(&self, unit: &mut Unit, mails: &[Mail]) {
        self.enqueue_with(unit, mails, None);
    }

    /// The same, for mails that carry an invitation and go when it goes.
    pub(super) fn enqueue_with(&self, unit: &mut Unit, mails: &[Mail], invitation_id: Option<&str>) {
        for mail in mails {
            unit.run(
                INSERT,
                vec![
                    (&mail.id).into(),
                    mail.content.kind().into(),
                    mail.person_id.as_deref().into(),
                    invitation_id.into(),
                    self.cipher.seal(mail).into(),
                    mail.created_at.into(),
                    mail.expires_at.into(),
                ],
            );
        }
    }

    /// Of those seen, the ones this node was first to mark: whoever marks a message changes what the others
    /// must find.
    async fn win(
        &self,
        mut due: Vec<Seen>,
        now: Timestamp,
        hidden_until: Timestamp,
    ) -> Result<Vec<Seen>, Fault> {
        // In one order, so that nodes do not wait for each other in a ring.
        due.sort_by(|a, b| a.id.cmp(&b.id));
        let mut unit = Unit::housekeeping("claims due mail");
        for message in &due {
            unit.run(
                CLAIM,
                vec![
                    (&message.id).into(),
                    message.attempts.into(),
                    message.next_attempt_at.into(),
                    hidden_until.into(),
                    now.into(),
                ],
            );
        }
        let committed = self.keep_up(unit).await?;
        let won = due.into_iter().enumerate().filter(|(at, _)| committed.rows(*at) == 1);
        Ok(won.map(|(_, message)| message).collect())
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn claim(
        &self,
        limit: u32,
        now: Timestamp,
        hidden_until: Timestamp,
    ) -> Result<Vec<DueMail>, Fault> {
        let due = self.all(DUE, vec![now.into(), limit.into()], seen).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut claimed = Vec::with_capacity(due.len());
        for message in self.win(due, now, hidden_until).await? {
            if message.is_for_nobody {
                self.settle(&message.id, MailStatus::Expired, None, now).await?;
                continue;
            }
            let opened = match &message.content {
                Some(content) => self.cipher.open(&message.id, content),
                None => Err("the content is gone"),
            };
            match opened {
                Ok(mail) => {
                    claimed.push(DueMail { id: message.id, mail, attempts: count(message.attempts) });
                }
                Err(reason) => {
                    tracing::error!(
                        mail = message.id,
                        reason,
                        "a waiting mail cannot be read and is given up"
                    );
                    self.settle(&message.id, MailStatus::Dead, Some(reason), now).await?;
                }
            }
        }
        Ok(claimed)
    }

    async fn settle(
        &self,
        id: &str,
        status: MailStatus,
        error: Option<&str>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("mail was settled");
        let keeps_content = status == MailStatus::Dead;
        let params = vec![
            id.into(),
            status.as_str().into(),
            error.map(storable).into(),
            at.into(),
            keeps_content.into(),
        ];
        unit.run(SETTLE, params);
        self.keep_up(unit).await.map(|_| ())
    }

    async fn postpone(&self, id: &str, until: Timestamp, error: &str, at: Timestamp) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("mail was postponed");
        unit.run(POSTPONE, vec![id.into(), until.into(), storable(error).into(), at.into()]);
        self.keep_up(unit).await.map(|_| ())
    }

    async fn bury(
        &self,
        id: &str,
        error: &str,
        at: Timestamp,
        trail: Trail,
        notices: Vec<Mail>,
    ) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(BURY, vec![id.into(), storable(error).into(), at.into()], CONFLICT);
        self.enqueue(&mut unit, &notices);
        self.store(unit).await.map(|_| ())
    }

    async fn revive(&self, id: &str, at: Timestamp, trail: Trail) -> Result<(), Error> {
        let mut unit = self.unit(trail);
        unit.guarded(REVIVE, vec![id.into(), at.into()], CONFLICT);
        self.store(unit).await.map(|_| ())
    }

    async fn backlog(&self) -> Result<Backlog, Fault> {
        let read = |row: &Row| Ok((row.text("status")?, row.int("messages")?, row.time("oldest")?));
        let mut backlog = Backlog::default();
        for (status, messages, oldest) in self.all(BACKLOG, Vec::new(), read).await? {
            let messages = u64::try_from(messages).unwrap_or(0);
            if status == MailStatus::Waiting.as_str() {
                (backlog.waiting, backlog.oldest) = (messages, Some(oldest));
            } else {
                backlog.dead = messages;
            }
        }
        Ok(backlog)
    }

    async fn find(&self, id: &str) -> Result<Option<OutboxRow>, Fault> {
        self.one(BY_ID, vec![id.into()], listed).await
    }

    async fn list(&self, limit: u32) -> Result<Vec<OutboxRow>, Fault> {
        self.all(NEWEST, vec![limit.into()], listed).await
    }

    async fn list_of(&self, status: MailStatus, limit: u32) -> Result<Vec<OutboxRow>, Fault> {
        self.all(NEWEST_OF_STATUS, vec![status.as_str().into(), limit.into()], listed).await
    }
}
