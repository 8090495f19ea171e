-- Which keys this database was used with, by check values that give nothing of them away; the newest generation is
-- the key that signs and encrypts.
CREATE TABLE key_checks (
    key_name TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    check_value TEXT COLLATE "C" NOT NULL,
    used_since TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (key_name, generation)
);
