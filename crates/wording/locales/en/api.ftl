# What the API says. The first part has a sentence for each code of the registry; the second what can be said closer.

problem-invalid_json = The body is not one well-formed JSON text in UTF-8.
problem-duplicate_field = A field or parameter was given more than once; give it once.
problem-token_invalid = This link is not valid: it was used, has expired, or was not copied whole.
problem-invalid_request = The request is malformed or contradicts itself.
problem-unauthenticated = Sign in first: there is no session, or it has ended.
problem-invalid_credentials = The e-mail, the password, the code or the temporary token is not right.
problem-step_up_required = This needs your password again: POST it to /api/auth/reauthenticate, then repeat the request.
problem-csrf_missing = CSRF token missing. Send the csrf_token of your sign-in as X-CSRF-Token; GET /api/auth/csrf gives a fresh one.
problem-csrf_invalid = CSRF token invalid: it belongs to another session or is damaged. GET /api/auth/csrf gives a fresh one.
problem-csrf_expired = CSRF token expired. GET /api/auth/csrf gives a fresh one.
problem-cross_origin = This request comes from another site. Changes are accepted from this server's own pages and from programs only.
problem-forbidden = Your roles do not allow this; it needs the role admin.
problem-wrong_password = The password is not right.
problem-wrong_code = The code is not right or was used already. Your session goes on.
problem-second_factor_unavailable = Too many wrong codes in a row: codes from your app are switched off. Give a recovery code, or ask an admin to reset the second factor.
problem-2fa_setup_required = Your organization requires two-factor authentication. Set it up at /api/auth/2fa/enable before anything else.
problem-signup_closed = This organization takes new people by invitation only.
problem-invitation_for_other = This invitation is for another e-mail address; sign up with the address it was mailed to.
problem-https_required = This server answers its API over HTTPS only.
problem-not_found = There is nothing here under this name, or nothing of yours.
problem-method_not_allowed = This address does not take this method; the Allow header lists those it takes.
problem-request_timeout = The body did not arrive in time. Send the request again.
problem-email_taken = This e-mail address already has an account.
problem-name_taken = A team of this name already exists.
problem-other_admins = Other admins are left; only an organization's last admin can delete it.
problem-last_admin = This is the organization's last admin, who can be neither demoted, locked nor deleted.
problem-2fa_already_enabled = Two-factor authentication is active already; to change the device, disable it first.
problem-2fa_not_enabled = Two-factor authentication is not active.
problem-2fa_not_started = There is nothing to confirm: begin with POST /api/auth/2fa/enable, and confirm within 15 minutes.
problem-own_second_factor = Your own second factor is removed with a code, at /api/auth/2fa/disable; or by another admin.
problem-invitation_open = An invitation for this e-mail address is already open; revoke it first.
problem-conflict = Somebody else changed this at the same moment; read it again and repeat.
problem-idempotency_in_progress = A request with this Idempotency-Key is being carried out. Wait a moment, then send it again.
problem-payload_too_large = The body is larger than this address accepts.
problem-uri_too_long = The address of the request is too long.
problem-unsupported_media_type = Send the body as application/json in UTF-8, without a content encoding.
problem-invalid_input = Some fields cannot be accepted; see errors for each of them.
problem-idempotency_key_reused = This Idempotency-Key was used for another request within a day. Give every request a key of its own.
problem-headers_too_large = The request has too many headers, or too large ones.
problem-account_locked = Too many failed attempts. Wait until the lock ends, or use the unlock link that was mailed.
problem-rate_limited = Too many requests. Wait, then try again.
problem-internal_error = Something went wrong on our side. Nothing was changed; report the request id if it happens again.
problem-busy = The server is at its limit just now. Try again in a moment.
problem-backend_unavailable = Something this request needs does not answer just now. Nothing was changed; try again in a moment.
problem-shutting_down = This server is about to stop. Another one, or the next one, takes new requests.
problem-outcome_unknown = The answer was lost while this was being saved: it may have been saved, or not. Look before you repeat it.

detail-wrong-email-or-password = The e-mail address or the password is not right.
detail-temporary-token = The temporary token is not valid: it was used, or its time is over. Sign in again.
detail-second-factor-unreadable = Codes from your app cannot be checked just now. Give a recovery code, or ask an admin to reset the second factor.
detail-session-token = The session token is not valid: it is damaged, has expired, or its session was ended. Sign in again.
detail-two-session-tokens = The request brings more than one session token; send exactly one.
detail-code-not-right = The code is not right, or was used already.
detail-code-used = This code was used already; wait for the next one.
detail-code-late = This code was the right one { $ago } ago, so a clock is wrong: let your device set its time by itself. This server's clock says { $time }.
detail-no-such = { $what ->
    [event] There is no such event here.
    [invitation] There is no such invitation here.
    [mail] There is no such mail here.
    [member] There is no such member here.
    [organization] There is no such organization here.
    [person] There is no such person here.
    [session] There is no such session here.
    [team] There is no such team here.
   *[resource] There is no such resource here.
}
detail-nothing-here = There is nothing at this address.
detail-busy-with-passwords = The server is busy checking passwords; try again in a moment.
detail-others-checked = Other attempts for this account are being checked right now; try again in a second.
detail-too-many-requests = Too many requests: at most { $limit } in { $duration }. Wait and try again.
detail-address-blocked = Too many attempts from this network address; it is blocked for { $duration }.
detail-link-blocked = This link was tried too often; it is blocked for { $duration }.
detail-locked = Account locked for { $duration } after too many failed attempts. Trying again does not make it longer.
detail-locked-but-known = Account locked for { $duration } after too many failed attempts. Trying again does not make it longer. A device that signed in before, or the link in the mail we sent, still gets in.
detail-locked-device = Account locked for { $duration } on this device after too many failed attempts. Trying again does not make it longer. The link in the mail we sent still gets in.
detail-locked-for-good = Account locked for { $duration } after too many failed attempts. Trying again does not make it longer. Too many sign-ins failed in a row: from unknown devices it opens again when the password is reset or changed.
detail-body-too-large = The body may have { $limit } bytes at most.
detail-body-broke-off = The body broke off before its end.
detail-field-twice = The field { $name } was given more than once; give it once.
detail-parameter-twice = The parameter { $name } was given more than once; give it once.
detail-form-expected = Send the form as browsers do.
detail-form-not-utf8 = The form is not UTF-8.
detail-query-not-utf8 = The query is not percent-encoded UTF-8.
detail-one-host = The request must name its host exactly once, as host or host:port.
detail-address-too-long = The address may have { $limit } bytes at most.
detail-head-too-large = At most { $fields } header fields of { $bytes } bytes together are accepted.
detail-idempotency-key = Send one Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID.
detail-not-ready = Not ready: database { $database }, redis { $redis }.
