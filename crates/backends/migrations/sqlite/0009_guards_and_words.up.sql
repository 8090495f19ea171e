-- INSERT OR REPLACE deletes the row that has the same place (rowid), too, without firing the triggers on DELETE. In these
-- triggers an insert that names no place has the place -1: no row may ever be there.
CREATE TRIGGER audit_logs_no_replace_in_place BEFORE INSERT ON audit_logs
WHEN EXISTS (SELECT 1 FROM audit_logs WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows cannot be replaced');
END;
CREATE TRIGGER audit_logs_no_odd_place AFTER INSERT ON audit_logs
WHEN NEW.rowid < 1
BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only: rows are numbered from 1');
END;
CREATE TRIGGER audit_erasures_no_replace_in_place BEFORE INSERT ON audit_erasures
WHEN EXISTS (SELECT 1 FROM audit_erasures WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit_erasures is append-only: an erasure can only be finished');
END;
CREATE TRIGGER audit_erasures_no_odd_place AFTER INSERT ON audit_erasures
WHEN NEW.rowid < 1
BEGIN
    SELECT RAISE(ABORT, 'audit_erasures is append-only: rows are numbered from 1');
END;
