DROP INDEX idx_sign_in_failures_updated;
ALTER TABLE sign_in_failures DROP COLUMN known;
DROP INDEX idx_audit_timestamp;
DROP TRIGGER audit_logs_no_update;
CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be changed');
END;
DROP TABLE audit_erasures;
