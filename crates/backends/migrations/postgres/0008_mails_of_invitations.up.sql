-- Which invitation a mail carries: its addressee is nobody's person yet, and still must be forgotten with the person.
ALTER TABLE outbox_messages ADD COLUMN invitation_id TEXT COLLATE "C";
CREATE INDEX idx_outbox_invitation ON outbox_messages (invitation_id) WHERE invitation_id IS NOT NULL;
