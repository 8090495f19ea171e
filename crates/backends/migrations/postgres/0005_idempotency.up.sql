-- What a change leaves of the request that asked for it, for a day: a retry with the same key is known by it. Without
-- status and body the change was made, but nobody knows what was answered.
CREATE TABLE idempotency_receipts (
    name TEXT COLLATE "C" PRIMARY KEY,
    attempt TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    status BIGINT,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_idempotency_receipts_expires ON idempotency_receipts (expires_at);
CREATE INDEX idx_idempotency_receipts_org ON idempotency_receipts (org_id);
