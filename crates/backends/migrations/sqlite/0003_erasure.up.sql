-- Who was erased from the trail, by which event. An open row is what permits erasing; a finished one is what
-- tells erased from tampered with ever after.
CREATE TABLE audit_erasures (
    event_id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    org_id TEXT NOT NULL REFERENCES organizations (id),
    erased_at TEXT NOT NULL,
    finished INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_audit_erasures_person ON audit_erasures (person_id);

CREATE TRIGGER audit_erasures_guarded BEFORE INSERT ON audit_erasures
WHEN NEW.finished <> 0
    OR NOT EXISTS (SELECT 1 FROM audit_logs a WHERE a.id = NEW.event_id AND a.org_id = NEW.org_id
        AND a.action = 'person.delete' AND a.resource_type = 'person' AND a.resource_id = NEW.person_id
        AND json_extract(a.changes, '$.deleted.old.audit_log') = '[ERASED]')
    OR NOT EXISTS (SELECT 1 FROM people p WHERE p.id = NEW.person_id AND p.org_id = NEW.org_id
        AND p.status = 'deleted')
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: erasing needs a deleted person and the event that says so');
END;
-- INSERT OR REPLACE would delete without firing the trigger below.
CREATE TRIGGER audit_erasures_no_replace BEFORE INSERT ON audit_erasures
WHEN EXISTS (SELECT 1 FROM audit_erasures WHERE event_id = NEW.event_id)
BEGIN
    SELECT RAISE(ABORT, 'audit_erasures is append-only: an erasure can only be finished');
END;
CREATE TRIGGER audit_erasures_no_update BEFORE UPDATE ON audit_erasures
WHEN OLD.finished <> 0 OR NEW.finished <> 1
    OR (NEW.rowid, NEW.event_id, NEW.person_id, NEW.org_id, NEW.erased_at)
        IS NOT (OLD.rowid, OLD.event_id, OLD.person_id, OLD.org_id, OLD.erased_at)
BEGIN
    SELECT RAISE(ABORT, 'audit_erasures is append-only: an erasure can only be finished');
END;
CREATE TRIGGER audit_erasures_no_delete BEFORE DELETE ON audit_erasures
BEGIN
    SELECT RAISE(ABORT, 'audit_erasures is append-only: an erasure can only be finished');
END;

-- The one change a row of the trail can undergo, while an erasure is open: who acted, or what was done to whom,
-- becomes [ERASED], and the salt goes. What the leaf spells out, and the leaf itself, stay.
DROP TRIGGER audit_logs_no_update;
CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs
WHEN NOT EXISTS (
    SELECT 1 FROM audit_erasures e
    WHERE e.finished = 0 AND e.event_id <> OLD.id AND NEW.commitment_salt IS NULL
    AND (NEW.rowid, NEW.id, NEW.timestamp, NEW.org_id, NEW.user_id, NEW.user_roles, NEW.action,
        NEW.resource_type, NEW.resource_id, NEW.request_id, NEW.status, NEW.canonical, NEW.leaf_hash)
        IS
        (OLD.rowid, OLD.id, OLD.timestamp, OLD.org_id, OLD.user_id, OLD.user_roles, OLD.action,
        OLD.resource_type, OLD.resource_id, OLD.request_id, OLD.status, OLD.canonical, OLD.leaf_hash)
    AND (
        (
            (NEW.resource_name, NEW.changes, NEW.error_message)
                IS (OLD.resource_name, OLD.changes, OLD.error_message)
            AND NEW.user_email = '[ERASED]'
            AND NEW.ip_address IS CASE WHEN OLD.ip_address IS NULL THEN NULL ELSE '[ERASED]' END
            AND NEW.user_agent IS CASE WHEN OLD.user_agent IS NULL THEN NULL ELSE '[ERASED]' END
            AND (
                (OLD.user_id = e.person_id AND OLD.org_id = e.org_id)
                OR (OLD.org_id = 'org_system' AND OLD.user_id = 'person_anonymous' AND OLD.user_email <> ''
                    AND EXISTS (SELECT 1 FROM audit_logs a WHERE a.org_id = e.org_id
                        AND a.user_id = e.person_id AND lower(a.user_email) = lower(OLD.user_email)))
            )
        )
        OR (
            (NEW.user_email, NEW.ip_address, NEW.user_agent) IS (OLD.user_email, OLD.ip_address, OLD.user_agent)
            AND NEW.resource_name IS CASE WHEN OLD.resource_name IS NULL THEN NULL ELSE '[ERASED]' END
            AND NEW.changes IS CASE WHEN OLD.changes IS NULL THEN NULL
                ELSE '{"erased":{"old":"[ERASED]","new":"[ERASED]"}}' END
            AND NEW.error_message IS CASE WHEN OLD.error_message IS NULL THEN NULL ELSE '[ERASED]' END
            AND OLD.org_id = e.org_id
            AND (
                (OLD.resource_type = 'person' AND OLD.resource_id = e.person_id)
                OR (OLD.resource_type = 'session' AND OLD.user_id = e.person_id)
                OR (OLD.resource_type = 'invitation' AND EXISTS (SELECT 1 FROM invitations i
                    WHERE i.id = OLD.resource_id AND i.org_id = e.org_id AND i.email = '[ERASED]'))
            )
        )
    )
)
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be changed');
END;

-- Operators read the trail of all organizations.
CREATE INDEX idx_audit_timestamp ON audit_logs (timestamp, id);

-- Whether the address had an account: counts at addresses nobody has are forgotten some day. 1 for rows from
-- before, which cannot be told.
ALTER TABLE sign_in_failures ADD COLUMN known INTEGER NOT NULL DEFAULT 1;
CREATE INDEX idx_sign_in_failures_updated ON sign_in_failures (updated_at);
