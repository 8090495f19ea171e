# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.
# The plain text stays within ASCII, so that it is readable in every mail program and log.

mail-link-hint = If the button does not work, open this address:
mail-automatic = SignUpFlow sent this to { $address } because of the account there. Nobody reads answers to it.
mail-automatic-invitation = SignUpFlow sent this to { $address } because somebody invited that address. Nobody reads answers to it.
mail-detail-device = Device
mail-detail-address = Address
mail-detail-time = Time
mail-device-unknown = unknown
mail-device-on = { $browser } on { $system }
mail-place-command-line = the server's command line

mail-account-locked-subject = Your account was locked
mail-account-locked-body =
    Somebody at { $place } failed to sign in to your account several times, so sign-in from unknown devices is locked for { $duration }.

    If it was you, unlock it with this link:
mail-account-locked-button = Unlock account
mail-account-locked-after = If it was not you, nothing needs to be done: the password was not guessed. Devices that signed in before keep working.

mail-device-locked-subject = Sign-in from one of your devices was locked
mail-device-locked-body =
    Somebody on a device that signed in to your account before, at { $place }, failed to sign in several times, so sign-in from that device is locked for { $duration }.

    If it was you, unlock it with this link:
mail-device-locked-button = Unlock device
mail-device-locked-after = If it was not you, somebody may be using your device: the password was not guessed. Other devices keep working.

mail-password-changed-subject = Your password was changed
mail-password-changed-body =
    The password of your account was changed from { $place }, and every other device was signed out.

    If this was not you, lock the account with this link:
mail-password-changed-button = This wasn't me
mail-password-changed-after = If it was you, nothing needs to be done.

mail-password-reset-subject = Set a new password
mail-password-reset-body = Somebody at { $place } asked for a new password for your account. If it was you, set it within { $duration } with this link:
mail-password-reset-button = Set a new password
mail-password-reset-after = If it was not you, nothing needs to be done: your password stays as it is.

mail-invitation-subject = Invitation to { $organization }
mail-invitation-body = { $inviter } invites you to join { $organization }. Accept with this link:
mail-invitation-button = Accept invitation
mail-invitation-after = If you do not know what this is about, ignore this mail.

mail-new-device-subject = New sign-in to your account
mail-new-device-body =
    Somebody signed in to your account on a device that was not used for it before.

    If this was not you, lock the account with this link:
mail-new-device-button = This wasn't me
mail-new-device-after = If it was you, nothing needs to be done.

mail-undeliverable-subject = A mail could not be delivered
mail-undeliverable-body =
    The mail server refused a mail to { $recipient } for good: "{ $subject }".

    Its answer was: { $answer }

    Check the address, and tell the person in another way if it matters.

mail-two-factor-enabled-subject = Two-factor authentication is on
mail-two-factor-enabled-body =
    Two-factor authentication was switched on for your account from { $place }. From now on signing in needs a code from your app. Every device was signed out.

    Keep your recovery codes where you find them without your phone.
mail-two-factor-disabled-subject = Two-factor authentication is off
mail-two-factor-disabled-body = Two-factor authentication was switched off for your account from { $place }: signing in needs your password alone. Every device was signed out.
mail-two-factor-reset-subject = Your two-factor authentication was reset
mail-two-factor-reset-body = An admin removed the second factor of your account, from { $place }, and every device was signed out. Sign in with your password, and set two-factor authentication up again.
mail-two-factor-reset-advice = If you did not ask for this, ask an admin of your organization at once.
mail-recovery-code-used-subject = A recovery code was used
mail-recovery-code-used-body = { $left ->
    [0] A recovery code of your account was used from { $place }. It will not work again; it was the last.
    [one] A recovery code of your account was used from { $place }. It will not work again; { $left } is left.
   *[other] A recovery code of your account was used from { $place }. It will not work again; { $left } are left.
}
mail-recovery-codes-few = Make new recovery codes soon.
mail-recovery-codes-replaced-subject = You have new recovery codes
mail-recovery-codes-replaced-body = New recovery codes were made for your account from { $place }. The old ones do not work any more.
mail-two-factor-wrong-codes-subject = Wrong codes for your account
mail-two-factor-wrong-codes-body = Somebody at { $place } who knows your password gave several wrong codes, and was kept out.
mail-two-factor-codes-off-subject = Codes from your app are switched off
mail-two-factor-codes-off-body = Too many wrong codes were given for your account in a row, the last from { $place }, by somebody who knows your password. Codes from your app are refused from now on, until an admin of your organization resets your second factor. Your recovery codes still work.
mail-not-me-advice = If this was not you, somebody else knows your password: change it at once, and tell an admin of your organization.
