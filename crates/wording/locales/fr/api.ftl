# Ce que dit l’API. La première partie a une phrase pour chaque code du registre ; la seconde, ce qui peut être dit plus précisément.

problem-invalid_json = Le corps n’est pas un seul texte JSON bien formé en UTF-8.
problem-duplicate_field = Un champ ou un paramètre a été donné plus d’une fois ; donnez-le une seule fois.
problem-token_invalid = Ce lien n’est pas valable : il a déjà servi, a expiré ou n’a pas été copié en entier.
problem-invalid_request = La requête est mal formée ou se contredit.
problem-unauthenticated = Connectez-vous d’abord : il n’y a pas de session, ou elle est terminée.
problem-invalid_credentials = L’adresse e-mail, le mot de passe, le code ou le jeton temporaire n’est pas correct.
problem-step_up_required = Votre mot de passe est de nouveau nécessaire : envoyez-le par POST à /api/auth/reauthenticate, puis répétez la requête.
problem-csrf_missing = Jeton CSRF absent. Envoyez le csrf_token de votre connexion dans X-CSRF-Token ; GET /api/auth/csrf en donne un nouveau.
problem-csrf_invalid = Jeton CSRF non valable : il appartient à une autre session ou est endommagé. GET /api/auth/csrf en donne un nouveau.
problem-csrf_expired = Jeton CSRF expiré. GET /api/auth/csrf en donne un nouveau.
problem-cross_origin = Cette requête vient d’un autre site. Les modifications ne sont acceptées que depuis les pages de ce serveur et depuis des programmes.
problem-forbidden = Vos rôles ne le permettent pas ; il faut le rôle admin.
problem-wrong_password = Le mot de passe n’est pas correct.
problem-wrong_code = Le code n’est pas correct ou a déjà servi. Votre session continue.
problem-second_factor_unavailable = Trop de codes erronés de suite : les codes de votre application sont désactivés. Donnez un code de secours, ou demandez à un administrateur de réinitialiser le second facteur.
problem-2fa_setup_required = Votre organisation exige l’authentification à deux facteurs. Configurez-la d’abord sous /api/auth/2fa/enable.
problem-signup_closed = Cette organisation n’accueille de nouvelles personnes que sur invitation.
problem-invitation_for_other = Cette invitation est destinée à une autre adresse e-mail ; inscrivez-vous avec l’adresse à laquelle elle a été envoyée.
problem-https_required = Ce serveur ne répond à son API qu’en HTTPS.
problem-not_found = Il n’y a rien ici sous ce nom, ou rien qui soit à vous.
problem-method_not_allowed = Cette adresse n’accepte pas cette méthode ; l’en-tête Allow indique celles qu’elle accepte.
problem-request_timeout = Le corps n’est pas arrivé à temps. Envoyez la requête de nouveau.
problem-email_taken = Cette adresse e-mail a déjà un compte.
problem-name_taken = Une équipe de ce nom existe déjà.
problem-other_admins = Il reste d’autres administrateurs ; seul le dernier administrateur d’une organisation peut la supprimer.
problem-last_admin = C’est le dernier administrateur de l’organisation : il ne peut être ni rétrogradé, ni verrouillé, ni supprimé.
problem-2fa_already_enabled = L’authentification à deux facteurs est déjà active ; pour changer d’appareil, désactivez-la d’abord.
problem-2fa_not_enabled = L’authentification à deux facteurs n’est pas active.
problem-2fa_not_started = Il n’y a rien à confirmer : commencez par POST /api/auth/2fa/enable et confirmez dans les 15 minutes.
problem-own_second_factor = Votre propre second facteur se retire avec un code, sous /api/auth/2fa/disable, ou par un autre administrateur.
problem-invitation_open = Une invitation pour cette adresse e-mail est déjà ouverte ; révoquez-la d’abord.
problem-conflict = Quelqu’un d’autre a modifié ceci au même moment ; relisez et recommencez.
problem-idempotency_in_progress = Une requête avec cette Idempotency-Key est en cours d’exécution. Attendez un instant, puis renvoyez-la.
problem-payload_too_large = Le corps est plus grand que ce que cette adresse accepte.
problem-uri_too_long = L’adresse de la requête est trop longue.
problem-unsupported_media_type = Envoyez le corps en application/json, en UTF-8, sans encodage de contenu.
problem-invalid_input = Certains champs ne peuvent pas être acceptés ; voyez errors pour chacun d’eux.
problem-idempotency_key_reused = Cette Idempotency-Key a servi à une autre requête au cours du dernier jour. Donnez à chaque requête sa propre clé.
problem-headers_too_large = La requête a trop d’en-têtes, ou de trop grands.
problem-account_locked = Trop de tentatives ont échoué. Attendez la fin du verrouillage ou utilisez le lien de déverrouillage envoyé par e-mail.
problem-rate_limited = Trop de requêtes. Attendez, puis réessayez.
problem-internal_error = Une erreur s’est produite de notre côté. Rien n’a été modifié ; signalez l’identifiant de la requête si cela se reproduit.
problem-busy = Le serveur est à sa limite en ce moment. Réessayez dans un instant.
problem-backend_unavailable = Quelque chose dont cette requête a besoin ne répond pas en ce moment. Rien n’a été modifié ; réessayez dans un instant.
problem-shutting_down = Ce serveur est sur le point de s’arrêter. Un autre, ou le prochain, prendra les nouvelles requêtes.
problem-outcome_unknown = La réponse s’est perdue pendant l’enregistrement : il a peut-être eu lieu, ou non. Vérifiez avant de recommencer.

detail-wrong-email-or-password = L’adresse e-mail ou le mot de passe n’est pas correct.
detail-temporary-token = Le jeton temporaire n’est pas valable : il a déjà servi, ou son temps est écoulé. Connectez-vous de nouveau.
detail-second-factor-unreadable = Les codes de votre application ne peuvent pas être vérifiés pour le moment. Donnez un code de secours, ou demandez à un administrateur de réinitialiser le second facteur.
detail-session-token = Le jeton de session n’est pas valable : il est endommagé, a expiré, ou sa session a été fermée. Connectez-vous de nouveau.
detail-two-session-tokens = La requête apporte plus d’un jeton de session ; envoyez-en exactement un.
detail-code-not-right = Le code n’est pas correct, ou a déjà servi.
detail-code-used = Ce code a déjà servi ; attendez le suivant.
detail-code-late = Ce code était le bon il y a { $ago }, donc une horloge est fausse : laissez votre appareil régler son heure tout seul. L’horloge de ce serveur indique { $time }.
detail-no-such = { $what ->
    [event] Cet événement n’existe pas ici.
    [invitation] Cette invitation n’existe pas ici.
    [mail] Ce message n’existe pas ici.
    [member] Ce membre n’existe pas ici.
    [organization] Cette organisation n’existe pas ici.
    [person] Cette personne n’existe pas ici.
    [session] Cette session n’existe pas ici.
    [team] Cette équipe n’existe pas ici.
   *[resource] Cette ressource n’existe pas ici.
}
detail-nothing-here = Il n’y a rien à cette adresse.
detail-busy-with-passwords = Le serveur est occupé à vérifier des mots de passe ; réessayez dans un instant.
detail-others-checked = D’autres tentatives pour ce compte sont en cours de vérification ; réessayez dans une seconde.
detail-too-many-requests = Trop de requêtes : au plus { $limit } en { $duration }. Attendez et réessayez.
detail-address-blocked = Trop de tentatives depuis cette adresse réseau ; elle est bloquée pendant { $duration }.
detail-link-blocked = Ce lien a été essayé trop souvent ; il est bloqué pendant { $duration }.
detail-locked = Compte verrouillé pendant { $duration } après trop de tentatives échouées. Réessayer ne prolonge pas le verrouillage.
detail-locked-but-known = Compte verrouillé pendant { $duration } après trop de tentatives échouées. Réessayer ne prolonge pas le verrouillage. Un appareil déjà connu, ou le lien de l’e-mail que nous avons envoyé, donne toujours accès.
detail-locked-device = Compte verrouillé pendant { $duration } sur cet appareil après trop de tentatives échouées. Réessayer ne prolonge pas le verrouillage. Le lien de l’e-mail que nous avons envoyé donne toujours accès.
detail-locked-for-good = Compte verrouillé pendant { $duration } après trop de tentatives échouées. Réessayer ne prolonge pas le verrouillage. Trop de connexions ont échoué de suite : depuis des appareils inconnus, il s’ouvrira de nouveau quand le mot de passe sera réinitialisé ou changé.
detail-body-too-large = Le corps peut avoir au plus { $limit } octets.
detail-body-broke-off = Le corps s’est interrompu avant la fin.
detail-field-twice = Le champ { $name } a été donné plus d’une fois ; donnez-le une seule fois.
detail-parameter-twice = Le paramètre { $name } a été donné plus d’une fois ; donnez-le une seule fois.
detail-form-expected = Envoyez le formulaire comme le font les navigateurs.
detail-form-not-utf8 = Le formulaire n’est pas en UTF-8.
detail-query-not-utf8 = La chaîne de requête n’est pas en UTF-8 avec encodage en pourcentage.
detail-one-host = La requête doit nommer son hôte exactement une fois, sous la forme hôte ou hôte:port.
detail-address-too-long = L’adresse peut avoir au plus { $limit } octets.
detail-head-too-large = Au plus { $fields } en-têtes totalisant { $bytes } octets sont acceptés.
detail-idempotency-key = Envoyez une seule Idempotency-Key de 1 à 255 caractères ASCII visibles, par exemple un UUID.
detail-not-ready = Pas prêt : base de données { $database }, redis { $redis }.
