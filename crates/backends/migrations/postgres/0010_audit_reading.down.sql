DROP INDEX idx_audit_timestamp;
CREATE INDEX idx_audit_timestamp ON audit_logs (timestamp, id);
DROP INDEX idx_audit_org_action;
CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, timestamp);
DROP INDEX idx_audit_org_user;
CREATE INDEX idx_audit_org_user ON audit_logs (org_id, user_id, timestamp);
