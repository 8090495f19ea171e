-- Which keys this database was used with, by check values that give nothing of them away; the newest generation is
-- the key that signs and encrypts.
CREATE TABLE key_checks (
    key_name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    check_value TEXT NOT NULL,
    used_since TEXT NOT NULL,
    PRIMARY KEY (key_name, generation)
) STRICT;
