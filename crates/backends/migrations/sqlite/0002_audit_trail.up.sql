CREATE TABLE audit_logs (
    id TEXT PRIMARY KEY,
    timestamp TEXT NOT NULL,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL REFERENCES people (id),
    user_email TEXT NOT NULL,
    user_roles TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    resource_name TEXT,
    changes TEXT,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT,
    status TEXT NOT NULL,
    error_message TEXT,
    -- Integrity: canonical bytes, their RFC 6962 leaf hash, and the salt of the personal fields.
    canonical BLOB NOT NULL,
    leaf_hash BLOB NOT NULL,
    commitment_salt BLOB
) STRICT;
CREATE INDEX idx_audit_org_timestamp ON audit_logs (org_id, timestamp);
CREATE INDEX idx_audit_resource ON audit_logs (resource_type, resource_id);
CREATE INDEX idx_audit_org_user ON audit_logs (org_id, user_id, timestamp);
CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, timestamp);

-- These guard against bugs and hasty hands; the signed tree is what convicts an owner of the database file.
CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be changed');
END;
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be deleted');
END;
-- INSERT OR REPLACE would delete without firing the trigger above.
CREATE TRIGGER audit_logs_no_replace BEFORE INSERT ON audit_logs
WHEN EXISTS (SELECT 1 FROM audit_logs WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be replaced');
END;
