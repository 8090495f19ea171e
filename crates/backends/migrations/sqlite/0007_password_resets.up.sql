-- Requests for reset links that wait to be answered: a row each, whether anybody has the address or not.
CREATE TABLE password_reset_requests (
    id TEXT PRIMARY KEY,
    email_canonical TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    user_agent TEXT,
    request_id TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    due_at TEXT NOT NULL
) STRICT;
CREATE INDEX idx_password_reset_requests_due ON password_reset_requests (due_at);
