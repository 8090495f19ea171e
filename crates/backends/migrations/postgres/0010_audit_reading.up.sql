-- An order of their own for those indexes of the trail that begin with more, or less, than the organization. Where two
-- indexes end in the same column, PostgreSQL may walk one of them past all rows of others until it meets enough of the
-- one that was asked for, which takes seconds when there are none among the newest.
DROP INDEX idx_audit_org_user;
CREATE INDEX idx_audit_org_user ON audit_logs (org_id, user_id, (timestamp AT TIME ZONE 'UTC')) INCLUDE (timestamp);
DROP INDEX idx_audit_org_action;
CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, (timestamp AT TIME ZONE 'UTC')) INCLUDE (timestamp);
DROP INDEX idx_audit_timestamp;
CREATE INDEX idx_audit_timestamp ON audit_logs ((timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'UTC'), id);
