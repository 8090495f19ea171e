-- The last time step that was used: it and older ones are refused. Wrong codes since the last right one.
ALTER TABLE user_security_settings ADD COLUMN totp_last_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_security_settings ADD COLUMN totp_failures BIGINT NOT NULL DEFAULT 0;

-- One row a code, so that each is spent once, however many try at once. Kept as keyed hashes.
CREATE TABLE recovery_codes (
    code_hash BYTEA PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);
CREATE INDEX idx_recovery_codes_person ON recovery_codes (person_id);

-- Second factors that wait to be confirmed, apart from active ones.
CREATE TABLE two_factor_enrolments (
    person_id TEXT COLLATE "C" PRIMARY KEY REFERENCES people (id),
    totp_secret TEXT NOT NULL,
    recovery_codes JSON NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_two_factor_enrolments_expires ON two_factor_enrolments (expires_at);

-- Sign-ins whose password was right, and which wait for a code or for a second factor to be set up.
CREATE TABLE sign_in_steps (
    token_hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id),
    credential_epoch BIGINT NOT NULL,
    device_id TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_sign_in_steps_person ON sign_in_steps (person_id);
CREATE INDEX idx_sign_in_steps_expires ON sign_in_steps (expires_at);

-- Who must have a second factor.
CREATE TABLE two_factor_policies (
    org_id TEXT COLLATE "C" PRIMARY KEY REFERENCES organizations (id),
    required BOOLEAN NOT NULL,
    roles JSON NOT NULL,
    deadline TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_two_factor_policies_updated ON two_factor_policies (updated_at);
