-- Who was erased from the trail, by which event. An open row is what permits erasing; a finished one is what
-- tells erased from tampered with ever after.
CREATE TABLE audit_erasures (
    event_id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    erased_at TIMESTAMPTZ NOT NULL,
    finished BOOLEAN NOT NULL
);
CREATE INDEX idx_audit_erasures_person ON audit_erasures (person_id);

CREATE FUNCTION audit_erasures_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT NEW.finished
            AND EXISTS (SELECT 1 FROM audit_logs a WHERE a.id = NEW.event_id AND a.org_id = NEW.org_id
                AND a.action = 'person.delete' AND a.resource_type = 'person' AND a.resource_id = NEW.person_id
                AND a.changes -> 'deleted' -> 'old' ->> 'audit_log' = '[ERASED]')
            AND EXISTS (SELECT 1 FROM people p WHERE p.id = NEW.person_id AND p.org_id = NEW.org_id
                AND p.status = 'deleted')
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit_logs is append-only: erasing needs a deleted person and the event that says so';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NOT OLD.finished AND NEW.finished
            AND (NEW.event_id, NEW.person_id, NEW.org_id, NEW.erased_at)
                IS NOT DISTINCT FROM (OLD.event_id, OLD.person_id, OLD.org_id, OLD.erased_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_erasures is append-only: an erasure can only be finished';
END
$$;
CREATE TRIGGER audit_erasures_guarded BEFORE INSERT OR UPDATE OR DELETE ON audit_erasures
    FOR EACH ROW EXECUTE FUNCTION audit_erasures_guard();
CREATE TRIGGER audit_erasures_no_truncate BEFORE TRUNCATE ON audit_erasures
    FOR EACH STATEMENT EXECUTE FUNCTION audit_erasures_guard();
ALTER TABLE audit_erasures ENABLE ALWAYS TRIGGER audit_erasures_guarded;
ALTER TABLE audit_erasures ENABLE ALWAYS TRIGGER audit_erasures_no_truncate;

-- The one change a row of the trail can undergo, while an erasure is open: who acted, or what was done to whom,
-- becomes [ERASED], and the salt goes. What the leaf spells out, and the leaf itself, stay.
CREATE FUNCTION audit_logs_only_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF EXISTS (
            SELECT 1 FROM audit_erasures e
            WHERE NOT e.finished AND e.event_id <> OLD.id AND NEW.commitment_salt IS NULL
            AND (NEW.id, NEW.timestamp, NEW.org_id, NEW.user_id, NEW.user_roles::text, NEW.action,
                NEW.resource_type, NEW.resource_id, NEW.request_id, NEW.status, NEW.canonical, NEW.leaf_hash)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.timestamp, OLD.org_id, OLD.user_id, OLD.user_roles::text, OLD.action,
                OLD.resource_type, OLD.resource_id, OLD.request_id, OLD.status, OLD.canonical, OLD.leaf_hash)
            AND (
                (
                    (NEW.resource_name, NEW.changes::text, NEW.error_message)
                        IS NOT DISTINCT FROM (OLD.resource_name, OLD.changes::text, OLD.error_message)
                    AND NEW.user_email = '[ERASED]'
                    AND NEW.ip_address IS NOT DISTINCT FROM
                        CASE WHEN OLD.ip_address IS NULL THEN NULL ELSE '[ERASED]' END
                    AND NEW.user_agent IS NOT DISTINCT FROM
                        CASE WHEN OLD.user_agent IS NULL THEN NULL ELSE '[ERASED]' END
                    AND (
                        (OLD.user_id = e.person_id AND OLD.org_id = e.org_id)
                        OR (OLD.org_id = 'org_system' AND OLD.user_id = 'person_anonymous' AND OLD.user_email <> ''
                            AND EXISTS (SELECT 1 FROM audit_logs a WHERE a.org_id = e.org_id
                                AND a.user_id = e.person_id AND lower(a.user_email) = lower(OLD.user_email)))
                    )
                )
                OR (
                    (NEW.user_email, NEW.ip_address, NEW.user_agent)
                        IS NOT DISTINCT FROM (OLD.user_email, OLD.ip_address, OLD.user_agent)
                    AND NEW.resource_name IS NOT DISTINCT FROM
                        CASE WHEN OLD.resource_name IS NULL THEN NULL ELSE '[ERASED]' END
                    AND NEW.changes::text IS NOT DISTINCT FROM CASE WHEN OLD.changes IS NULL THEN NULL
                        ELSE '{"erased":{"old":"[ERASED]","new":"[ERASED]"}}' END
                    AND NEW.error_message IS NOT DISTINCT FROM
                        CASE WHEN OLD.error_message IS NULL THEN NULL ELSE '[ERASED]' END
                    AND OLD.org_id = e.org_id
                    AND (
                        (OLD.resource_type = 'person' AND OLD.resource_id = e.person_id)
                        OR (OLD.resource_type = 'session' AND OLD.user_id = e.person_id)
                        OR (OLD.resource_type = 'invitation' AND EXISTS (SELECT 1 FROM invitations i
                            WHERE i.id = OLD.resource_id AND i.org_id = e.org_id AND i.email = '[ERASED]'))
                    )
                )
            )
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_logs is append-only: rows cannot be changed or deleted';
END
$$;
DROP TRIGGER audit_logs_no_change ON audit_logs;
CREATE TRIGGER audit_logs_no_change BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_only_erasing();
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_change;

-- Operators read the trail of all organizations.
CREATE INDEX idx_audit_timestamp ON audit_logs (timestamp, id);

-- Whether the address had an account: counts at addresses nobody has are forgotten some day. TRUE for rows
-- from before, which cannot be told.
ALTER TABLE sign_in_failures ADD COLUMN known BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX idx_sign_in_failures_updated ON sign_in_failures (updated_at);
