# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.

mail-link-hint = Si le bouton ne fonctionne pas, ouvrez cette adresse :
mail-automatic = SignUpFlow a envoyé ce message à { $address } au sujet du compte associé. Personne ne lit les réponses.
mail-automatic-invitation = SignUpFlow a envoyé ce message à { $address } parce que quelqu’un a invité cette adresse. Personne ne lit les réponses.
mail-detail-device = Appareil
mail-detail-address = Adresse IP
mail-detail-time = Heure
mail-device-unknown = inconnu
mail-device-on = { $browser } sur { $system }
mail-place-command-line = la ligne de commande du serveur

mail-account-locked-subject = Votre compte a été verrouillé
mail-account-locked-body =
    Quelqu’un a échoué plusieurs fois à se connecter à votre compte depuis { $place } ; la connexion depuis un appareil inconnu est donc bloquée pendant { $duration }.

    Si c’était vous, déverrouillez-le avec ce lien :
mail-account-locked-button = Déverrouiller le compte
mail-account-locked-after = Si ce n’était pas vous, il n’y a rien à faire : le mot de passe n’a pas été deviné. Les appareils déjà connus continuent de fonctionner.

mail-device-locked-subject = La connexion depuis l’un de vos appareils a été verrouillée
mail-device-locked-body =
    Sur un appareil déjà connu de votre compte, depuis { $place }, quelqu’un a échoué plusieurs fois à se connecter ; la connexion depuis cet appareil est donc bloquée pendant { $duration }.

    Si c’était vous, déverrouillez-le avec ce lien :
mail-device-locked-button = Déverrouiller l’appareil
mail-device-locked-after = Si ce n’était pas vous, quelqu’un utilise peut-être votre appareil : le mot de passe n’a pas été deviné. Les autres appareils continuent de fonctionner.

mail-password-changed-subject = Votre mot de passe a été modifié
mail-password-changed-body =
    Le mot de passe de votre compte a été modifié depuis { $place }, et tous les autres appareils ont été déconnectés.

    Si ce n’était pas vous, verrouillez le compte avec ce lien :
mail-password-changed-button = Ce n’était pas moi
mail-password-changed-after = Si c’était vous, il n’y a rien à faire.

mail-password-reset-subject = Choisissez un nouveau mot de passe
mail-password-reset-body = Quelqu’un a demandé depuis { $place } un nouveau mot de passe pour votre compte. Si c’était vous, choisissez-le dans un délai de { $duration } avec ce lien :
mail-password-reset-button = Choisir un mot de passe
mail-password-reset-after = Si ce n’était pas vous, il n’y a rien à faire : votre mot de passe reste inchangé.

mail-invitation-subject = Invitation à rejoindre { $organization }
mail-invitation-body = { $inviter } vous invite à rejoindre { $organization }. Acceptez avec ce lien :
mail-invitation-button = Accepter l’invitation
mail-invitation-after = Si vous ne savez pas de quoi il s’agit, ignorez ce message.

mail-new-device-subject = Nouvelle connexion à votre compte
mail-new-device-body =
    Quelqu’un s’est connecté à votre compte sur un appareil encore jamais utilisé pour ce compte.

    Si ce n’était pas vous, verrouillez le compte avec ce lien :
mail-new-device-button = Ce n’était pas moi
mail-new-device-after = Si c’était vous, il n’y a rien à faire.

mail-undeliverable-subject = Un message n’a pas pu être remis
mail-undeliverable-body =
    Le serveur de messagerie a refusé définitivement un message adressé à { $recipient } : « { $subject } ».

    Sa réponse : { $answer }

    Vérifiez l’adresse et, si c’est important, prévenez la personne autrement.

mail-two-factor-enabled-subject = L’authentification à deux facteurs est activée
mail-two-factor-enabled-body =
    L’authentification à deux facteurs de votre compte a été activée depuis { $place }. Désormais, la connexion exige un code de votre application. Tous les appareils ont été déconnectés.

    Conservez vos codes de récupération là où vous les trouverez sans votre téléphone.
mail-two-factor-disabled-subject = L’authentification à deux facteurs est désactivée
mail-two-factor-disabled-body = L’authentification à deux facteurs de votre compte a été désactivée depuis { $place } : votre mot de passe suffit pour vous connecter. Tous les appareils ont été déconnectés.
mail-two-factor-reset-subject = Votre authentification à deux facteurs a été réinitialisée
mail-two-factor-reset-body = Un administrateur a supprimé le second facteur de votre compte depuis { $place }, et tous les appareils ont été déconnectés. Connectez-vous avec votre mot de passe, puis configurez de nouveau l’authentification à deux facteurs.
mail-two-factor-reset-advice = Si vous ne l’avez pas demandé, contactez immédiatement un administrateur de votre organisation.
mail-recovery-code-used-subject = Un code de récupération a été utilisé
mail-recovery-code-used-body = { $left ->
    [0] Un code de récupération de votre compte a été utilisé depuis { $place }. Il ne fonctionnera plus ; c’était le dernier.
    [one] Un code de récupération de votre compte a été utilisé depuis { $place }. Il ne fonctionnera plus ; il en reste { $left }.
   *[other] Un code de récupération de votre compte a été utilisé depuis { $place }. Il ne fonctionnera plus ; il en reste { $left }.
}
mail-recovery-codes-few = Créez bientôt de nouveaux codes de récupération.
mail-recovery-codes-replaced-subject = Vous avez de nouveaux codes de récupération
mail-recovery-codes-replaced-body = De nouveaux codes de récupération ont été créés pour votre compte depuis { $place }. Les anciens ne fonctionnent plus.
mail-two-factor-wrong-codes-subject = Codes erronés pour votre compte
mail-two-factor-wrong-codes-body = Quelqu’un qui connaît votre mot de passe a saisi plusieurs codes erronés depuis { $place } et n’a pas pu entrer.
mail-two-factor-codes-off-subject = Les codes de votre application sont désactivés
mail-two-factor-codes-off-body = Quelqu’un qui connaît votre mot de passe a saisi trop de codes erronés de suite, le dernier depuis { $place }. Les codes de votre application sont désormais refusés, jusqu’à ce qu’un administrateur de votre organisation réinitialise votre second facteur. Vos codes de récupération fonctionnent toujours.
mail-not-me-advice = Si ce n’était pas vous, quelqu’un d’autre connaît votre mot de passe : changez-le immédiatement et prévenez un administrateur de votre organisation.
