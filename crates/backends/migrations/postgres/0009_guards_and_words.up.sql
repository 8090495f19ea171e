-- How words are compared without regard to case: as the program does it for SQLite, character by character, and not as
-- the database's locale has it. A server without ICU falls back to its locale.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu'
        AND collnamespace = 'pg_catalog'::regnamespace
        AND collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database WHERE datname = current_database())))
    THEN
        CREATE FUNCTION signupflow_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS 'SELECT replace(lower($1 COLLATE pg_catalog."und-x-icu"), ''ς'', ''σ'')';
    ELSE
        CREATE FUNCTION signupflow_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS 'SELECT replace(lower($1), ''ς'', ''σ'')';
    END IF;
END
$$;
