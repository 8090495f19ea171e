# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.

mail-link-hint = Si el botón no funciona, abre esta dirección:
mail-automatic = SignUpFlow envió este mensaje a { $address } por la cuenta asociada. Nadie lee las respuestas.
mail-automatic-invitation = SignUpFlow envió este mensaje a { $address } porque alguien invitó a esa dirección. Nadie lee las respuestas.
mail-detail-device = Dispositivo
mail-detail-address = Dirección IP
mail-detail-time = Hora
mail-device-unknown = desconocido
mail-device-on = { $browser } en { $system }
mail-place-command-line = la línea de comandos del servidor

mail-account-locked-subject = Tu cuenta se ha bloqueado
mail-account-locked-body =
    Alguien intentó varias veces sin éxito iniciar sesión en tu cuenta desde { $place }, así que el acceso desde dispositivos desconocidos queda bloqueado durante { $duration }.

    Si fuiste tú, desbloquéala con este enlace:
mail-account-locked-button = Desbloquear cuenta
mail-account-locked-after = Si no fuiste tú, no tienes que hacer nada: no adivinaron la contraseña. Los dispositivos que ya habían iniciado sesión siguen funcionando.

mail-device-locked-subject = Se ha bloqueado el acceso desde uno de tus dispositivos
mail-device-locked-body =
    En un dispositivo que ya había iniciado sesión en tu cuenta, en { $place }, alguien intentó varias veces sin éxito iniciar sesión, así que el acceso desde ese dispositivo queda bloqueado durante { $duration }.

    Si fuiste tú, desbloquéalo con este enlace:
mail-device-locked-button = Desbloquear dispositivo
mail-device-locked-after = Si no fuiste tú, puede que alguien esté usando tu dispositivo: no adivinaron la contraseña. Los demás dispositivos siguen funcionando.

mail-password-changed-subject = Tu contraseña ha cambiado
mail-password-changed-body =
    La contraseña de tu cuenta se cambió desde { $place } y se cerró la sesión en todos los demás dispositivos.

    Si no fuiste tú, bloquea la cuenta con este enlace:
mail-password-changed-button = No fui yo
mail-password-changed-after = Si fuiste tú, no tienes que hacer nada.

mail-password-reset-subject = Elige una contraseña nueva
mail-password-reset-body = Alguien pidió desde { $place } una contraseña nueva para tu cuenta. Si fuiste tú, elígela antes de { $duration } con este enlace:
mail-password-reset-button = Elegir contraseña nueva
mail-password-reset-after = Si no fuiste tú, no tienes que hacer nada: tu contraseña sigue igual.

mail-invitation-subject = Invitación a { $organization }
mail-invitation-body = { $inviter } te invita a unirte a { $organization }. Acepta con este enlace:
mail-invitation-button = Aceptar invitación
mail-invitation-after = Si no sabes de qué se trata, ignora este mensaje.

mail-new-device-subject = Nuevo inicio de sesión en tu cuenta
mail-new-device-body =
    Alguien inició sesión en tu cuenta en un dispositivo que no se había usado antes.

    Si no fuiste tú, bloquea la cuenta con este enlace:
mail-new-device-button = No fui yo
mail-new-device-after = Si fuiste tú, no tienes que hacer nada.

mail-undeliverable-subject = No se pudo entregar un mensaje
mail-undeliverable-body =
    El servidor de correo rechazó definitivamente un mensaje para { $recipient }: «{ $subject }».

    Su respuesta fue: { $answer }

    Revisa la dirección y, si es importante, avisa a la persona por otro medio.

mail-two-factor-enabled-subject = La verificación en dos pasos está activada
mail-two-factor-enabled-body =
    La verificación en dos pasos de tu cuenta se activó desde { $place }. A partir de ahora, para iniciar sesión necesitas un código de tu aplicación. Se cerró la sesión en todos los dispositivos.

    Guarda tus códigos de recuperación donde los encuentres sin tu teléfono.
mail-two-factor-disabled-subject = La verificación en dos pasos está desactivada
mail-two-factor-disabled-body = La verificación en dos pasos de tu cuenta se desactivó desde { $place }: para iniciar sesión basta tu contraseña. Se cerró la sesión en todos los dispositivos.
mail-two-factor-reset-subject = Se restableció tu verificación en dos pasos
mail-two-factor-reset-body = Un administrador eliminó el segundo factor de tu cuenta desde { $place } y se cerró la sesión en todos los dispositivos. Inicia sesión con tu contraseña y vuelve a configurar la verificación en dos pasos.
mail-two-factor-reset-advice = Si no lo pediste, consulta de inmediato a un administrador de tu organización.
mail-recovery-code-used-subject = Se usó un código de recuperación
mail-recovery-code-used-body = { $left ->
    [0] Se usó un código de recuperación de tu cuenta desde { $place }. Ya no volverá a funcionar; era el último.
    [one] Se usó un código de recuperación de tu cuenta desde { $place }. Ya no volverá a funcionar; queda { $left }.
   *[other] Se usó un código de recuperación de tu cuenta desde { $place }. Ya no volverá a funcionar; quedan { $left }.
}
mail-recovery-codes-few = Crea pronto códigos de recuperación nuevos.
mail-recovery-codes-replaced-subject = Tienes códigos de recuperación nuevos
mail-recovery-codes-replaced-body = Se crearon códigos de recuperación nuevos para tu cuenta desde { $place }. Los anteriores ya no funcionan.
mail-two-factor-wrong-codes-subject = Códigos incorrectos en tu cuenta
mail-two-factor-wrong-codes-body = Alguien que conoce tu contraseña introdujo varios códigos incorrectos desde { $place } y se le impidió entrar.
mail-two-factor-codes-off-subject = Los códigos de tu aplicación están desactivados
mail-two-factor-codes-off-body = Alguien que conoce tu contraseña introdujo demasiados códigos incorrectos seguidos, el último desde { $place }. Los códigos de tu aplicación se rechazarán hasta que un administrador de tu organización restablezca tu segundo factor. Tus códigos de recuperación siguen funcionando.
mail-not-me-advice = Si no fuiste tú, otra persona conoce tu contraseña: cámbiala de inmediato y avisa a un administrador de tu organización.
