DROP INDEX idx_outbox_invitation;
ALTER TABLE outbox_messages DROP COLUMN invitation_id;
