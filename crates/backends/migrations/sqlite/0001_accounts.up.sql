CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT,
    config TEXT,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- Settings of our own stand apart, so that an adopted organizations table stays as it is.
CREATE TABLE organization_settings (
    org_id TEXT PRIMARY KEY REFERENCES organizations (id),
    open_signup INTEGER NOT NULL DEFAULT 0,
    session_ttl_hours INTEGER,
    session_idle_minutes INTEGER,
    session_max_per_user INTEGER,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE people (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    email TEXT,
    password_hash TEXT,
    roles TEXT NOT NULL DEFAULT '[]',
    timezone TEXT NOT NULL DEFAULT 'UTC',
    language TEXT NOT NULL DEFAULT 'en',
    status TEXT NOT NULL DEFAULT 'active',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_people_org ON people (org_id, id);

-- Who signs in by which address: canonical form computed by the server, unique over all organizations.
CREATE TABLE person_emails (
    canonical TEXT PRIMARY KEY,
    person_id TEXT NOT NULL UNIQUE REFERENCES people (id)
) STRICT;

CREATE TABLE user_security_settings (
    user_id TEXT PRIMARY KEY REFERENCES people (id),
    totp_secret TEXT,
    totp_enabled INTEGER DEFAULT 0,
    totp_verified_at TEXT,
    recovery_codes TEXT,
    failed_login_attempts INTEGER DEFAULT 0,
    account_locked_until TEXT,
    last_password_change TEXT,
    created_at TEXT,
    updated_at TEXT,
    credential_epoch INTEGER NOT NULL DEFAULT 0,
    device_epoch INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX idx_security_settings_updated ON user_security_settings (updated_at);

-- Consecutive failed sign-ins per canonical address, known or not (NIST SP 800-63B-4, 3.2.2).
CREATE TABLE sign_in_failures (
    account_key TEXT PRIMARY KEY,
    consecutive INTEGER NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE lockouts (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    org_id TEXT REFERENCES organizations (id),
    person_id TEXT REFERENCES people (id),
    subject TEXT NOT NULL,
    failures INTEGER NOT NULL,
    locked_at TEXT NOT NULL,
    locked_until TEXT NOT NULL
) STRICT;
CREATE INDEX idx_lockouts_org ON lockouts (org_id, locked_until);
CREATE INDEX idx_lockouts_person ON lockouts (person_id);
CREATE INDEX idx_lockouts_until ON lockouts (locked_until);

-- Locks lifted before their end: nodes and processes that hold counters of their own drop them.
CREATE TABLE lifted_locks (
    key TEXT PRIMARY KEY,
    lifted_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_lifted_locks_at ON lifted_locks (lifted_at);

-- What the in-process attempt counters must remember over a restart.
CREATE TABLE attempt_journal (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    happened_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    blocks INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_attempt_journal_key ON attempt_journal (key);
CREATE INDEX idx_attempt_journal_expires ON attempt_journal (expires_at);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX idx_sessions_person ON sessions (person_id, created_at);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);

-- Sessions ended one by one, until they would have expired: no restored store brings them back.
CREATE TABLE ended_sessions (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    ended_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_ended_sessions_ended ON ended_sessions (ended_at);
CREATE INDEX idx_ended_sessions_expires ON ended_sessions (expires_at);

CREATE TABLE one_time_tokens (
    token_hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
CREATE INDEX idx_one_time_tokens_person ON one_time_tokens (person_id, purpose);
CREATE INDEX idx_one_time_tokens_expires ON one_time_tokens (expires_at);

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_canonical TEXT NOT NULL,
    roles TEXT NOT NULL,
    status TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    invited_by TEXT NOT NULL REFERENCES people (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    accepted_by TEXT REFERENCES people (id),
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_invitations_org ON invitations (org_id, id);

CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (org_id, name)
) STRICT;
CREATE INDEX idx_teams_org ON teams (org_id, id);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    added_at TEXT NOT NULL,
    PRIMARY KEY (team_id, person_id)
) STRICT;
CREATE INDEX idx_team_members_person ON team_members (person_id);

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    title TEXT NOT NULL,
    type TEXT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    location TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    required_roles TEXT NOT NULL DEFAULT '[]',
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_events_org ON events (org_id, id);

-- Mail waiting for delivery. The content is encrypted: it may hold links with live tokens.
CREATE TABLE outbox_messages (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id TEXT REFERENCES people (id),
    content BLOB,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    last_error TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_outbox_due ON outbox_messages (status, next_attempt_at);

-- Reserved rows that events without a known organization or person point at.
INSERT INTO organizations (id, name, status, created_at, updated_at)
VALUES ('org_system', 'System', 'reserved', '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z');
INSERT INTO people (id, org_id, name, status, created_at, updated_at)
VALUES ('person_anonymous', 'org_system', 'Anonymous', 'reserved', '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z');
