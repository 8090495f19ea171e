CREATE TABLE audit_logs (
    id TEXT COLLATE "C" PRIMARY KEY,
    timestamp TIMESTAMPTZ NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    user_email TEXT NOT NULL,
    user_roles JSON NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    resource_name TEXT,
    changes JSON,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT,
    status TEXT NOT NULL,
    error_message TEXT,
    -- Integrity: canonical bytes, their RFC 6962 leaf hash, and the salt of the personal fields.
    canonical BYTEA NOT NULL,
    leaf_hash BYTEA NOT NULL,
    commitment_salt BYTEA
);
CREATE INDEX idx_audit_org_timestamp ON audit_logs (org_id, timestamp);
CREATE INDEX idx_audit_resource ON audit_logs (resource_type, resource_id);
CREATE INDEX idx_audit_org_user ON audit_logs (org_id, user_id, timestamp);
CREATE INDEX idx_audit_org_action ON audit_logs (org_id, action, timestamp);

CREATE FUNCTION audit_logs_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_logs is append-only: rows cannot be changed, deleted or truncated';
END
$$;
CREATE TRIGGER audit_logs_no_change BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse_change();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_refuse_change();
-- ALWAYS: also under session_replication_role = replica. These guard against bugs and hasty hands; the
-- signed tree is what convicts a database owner.
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_change;
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_truncate;
