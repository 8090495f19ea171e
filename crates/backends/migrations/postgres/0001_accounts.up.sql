CREATE TABLE organizations (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT,
    config JSON,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Settings of our own stand apart, so that an adopted organizations table stays as it is.
CREATE TABLE organization_settings (
    org_id TEXT COLLATE "C" PRIMARY KEY REFERENCES organizations (id),
    open_signup BOOLEAN NOT NULL DEFAULT FALSE,
    session_ttl_hours BIGINT,
    session_idle_minutes BIGINT,
    session_max_per_user BIGINT,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE people (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    email TEXT,
    password_hash TEXT,
    roles TEXT NOT NULL DEFAULT '[]',
    timezone TEXT NOT NULL DEFAULT 'UTC',
    language TEXT NOT NULL DEFAULT 'en',
    status TEXT NOT NULL DEFAULT 'active',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_people_org ON people (org_id, id);

-- Who signs in by which address: canonical form computed by the server, unique over all organizations.
CREATE TABLE person_emails (
    canonical TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES people (id)
);

CREATE TABLE user_security_settings (
    user_id TEXT COLLATE "C" PRIMARY KEY REFERENCES people (id),
    totp_secret TEXT,
    totp_enabled BOOLEAN DEFAULT FALSE,
    totp_verified_at TIMESTAMPTZ,
    recovery_codes JSON,
    failed_login_attempts BIGINT DEFAULT 0,
    account_locked_until TIMESTAMPTZ,
    last_password_change TIMESTAMPTZ,
    created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    credential_epoch BIGINT NOT NULL DEFAULT 0,
    device_epoch BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX idx_security_settings_updated ON user_security_settings (updated_at);

-- Consecutive failed sign-ins per canonical address, known or not (NIST SP 800-63B-4, 3.2.2).
CREATE TABLE sign_in_failures (
    account_key TEXT COLLATE "C" PRIMARY KEY,
    consecutive BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE lockouts (
    key TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT NOT NULL,
    org_id TEXT COLLATE "C" REFERENCES organizations (id),
    person_id TEXT COLLATE "C" REFERENCES people (id),
    subject TEXT NOT NULL,
    failures BIGINT NOT NULL,
    locked_at TIMESTAMPTZ NOT NULL,
    locked_until TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_lockouts_org ON lockouts (org_id, locked_until);
CREATE INDEX idx_lockouts_person ON lockouts (person_id);
CREATE INDEX idx_lockouts_until ON lockouts (locked_until);

-- Locks lifted before their end: nodes and processes that hold counters of their own drop them.
CREATE TABLE lifted_locks (
    key TEXT COLLATE "C" PRIMARY KEY,
    lifted_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_lifted_locks_at ON lifted_locks (lifted_at);

-- What the in-process attempt counters must remember over a restart.
CREATE TABLE attempt_journal (
    id TEXT COLLATE "C" PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    blocks BOOLEAN NOT NULL
);
CREATE INDEX idx_attempt_journal_key ON attempt_journal (key);
CREATE INDEX idx_attempt_journal_expires ON attempt_journal (expires_at);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX idx_sessions_person ON sessions (person_id, created_at);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);

-- Sessions ended one by one, until they would have expired: no restored store brings them back.
CREATE TABLE ended_sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    ended_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_ended_sessions_ended ON ended_sessions (ended_at);
CREATE INDEX idx_ended_sessions_expires ON ended_sessions (expires_at);

CREATE TABLE one_time_tokens (
    token_hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);
CREATE INDEX idx_one_time_tokens_person ON one_time_tokens (person_id, purpose);
CREATE INDEX idx_one_time_tokens_expires ON one_time_tokens (expires_at);

CREATE TABLE invitations (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_canonical TEXT COLLATE "C" NOT NULL,
    roles TEXT NOT NULL,
    status TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    invited_by TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    accepted_by TEXT COLLATE "C" REFERENCES people (id),
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_invitations_org ON invitations (org_id, id);

CREATE TABLE teams (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (org_id, name)
);
CREATE INDEX idx_teams_org ON teams (org_id, id);

CREATE TABLE team_members (
    team_id TEXT COLLATE "C" NOT NULL REFERENCES teams (id),
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (team_id, person_id)
);
CREATE INDEX idx_team_members_person ON team_members (person_id);

CREATE TABLE events (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    title TEXT NOT NULL,
    type TEXT NOT NULL,
    start_time TIMESTAMPTZ NOT NULL,
    end_time TIMESTAMPTZ NOT NULL,
    location TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    required_roles TEXT NOT NULL DEFAULT '[]',
    created_by TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_events_org ON events (org_id, id);

-- Mail waiting for delivery. The content is encrypted: it may hold links with live tokens.
CREATE TABLE outbox_messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id TEXT COLLATE "C" REFERENCES people (id),
    content BYTEA,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_outbox_due ON outbox_messages (status, next_attempt_at);

-- Reserved rows that events without a known organization or person point at.
INSERT INTO organizations (id, name, status, created_at, updated_at)
VALUES ('org_system', 'System', 'reserved', '1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z');
INSERT INTO people (id, org_id, name, status, created_at, updated_at)
VALUES ('person_anonymous', 'org_system', 'Anonymous', 'reserved', '1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z');
