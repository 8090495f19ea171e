-- Requests for reset links that wait to be answered: a row each, whether anybody has the address or not.
CREATE TABLE password_reset_requests (
    id TEXT COLLATE "C" PRIMARY KEY,
    email_canonical TEXT COLLATE "C" NOT NULL,
    ip_address TEXT NOT NULL,
    user_agent TEXT,
    request_id TEXT NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_password_reset_requests_due ON password_reset_requests (due_at);
