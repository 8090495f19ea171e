DROP INDEX idx_sign_in_failures_updated;
ALTER TABLE sign_in_failures DROP COLUMN known;
DROP INDEX idx_audit_timestamp;
DROP TRIGGER audit_logs_no_change ON audit_logs;
CREATE TRIGGER audit_logs_no_change BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse_change();
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_change;
DROP FUNCTION audit_logs_only_erasing();
DROP TABLE audit_erasures;
DROP FUNCTION audit_erasures_guard();
