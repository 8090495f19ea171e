DROP TABLE two_factor_policies;
DROP TABLE sign_in_steps;
DROP TABLE two_factor_enrolments;
DROP TABLE recovery_codes;
ALTER TABLE user_security_settings DROP COLUMN totp_failures;
ALTER TABLE user_security_settings DROP COLUMN totp_last_step;
