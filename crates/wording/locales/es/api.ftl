# Lo que dice la API. La primera parte tiene una frase por cada código del registro; la segunda, lo que puede decirse con más detalle.

problem-invalid_json = El cuerpo no es un único texto JSON bien formado en UTF-8.
problem-duplicate_field = Un campo o parámetro aparece más de una vez; envíalo una sola vez.
problem-token_invalid = Este enlace no es válido: ya se usó, ha caducado o no se copió entero.
problem-invalid_request = La petición está mal formada o se contradice.
problem-unauthenticated = Inicia sesión primero: no hay ninguna sesión o ya ha terminado.
problem-invalid_credentials = El correo electrónico, la contraseña, el código o el token temporal no es correcto.
problem-step_up_required = Esto necesita de nuevo tu contraseña: envíala con POST a /api/auth/reauthenticate y repite la petición.
problem-csrf_missing = Falta el token CSRF. Envía el csrf_token de tu inicio de sesión como X-CSRF-Token; GET /api/auth/csrf te da uno nuevo.
problem-csrf_invalid = El token CSRF no es válido: pertenece a otra sesión o está dañado. GET /api/auth/csrf te da uno nuevo.
problem-csrf_expired = El token CSRF ha caducado. GET /api/auth/csrf te da uno nuevo.
problem-cross_origin = Esta petición viene de otro sitio. Solo se aceptan cambios desde las páginas de este servidor y desde programas.
problem-forbidden = Tus roles no lo permiten; hace falta el rol admin.
problem-wrong_password = La contraseña no es correcta.
problem-wrong_code = El código no es correcto o ya se usó. Tu sesión continúa.
problem-second_factor_unavailable = Demasiados códigos erróneos seguidos: los códigos de tu aplicación están desactivados. Usa un código de recuperación o pide a un administrador que restablezca el segundo factor.
problem-2fa_setup_required = Tu organización exige la autenticación en dos pasos. Configúrala en /api/auth/2fa/enable antes de nada.
problem-signup_closed = Esta organización solo admite personas nuevas por invitación.
problem-invitation_for_other = Esta invitación es para otra dirección de correo; regístrate con la dirección a la que se envió.
problem-https_required = Este servidor solo responde a su API por HTTPS.
problem-not_found = Aquí no hay nada con ese nombre, o nada tuyo.
problem-method_not_allowed = Esta dirección no admite este método; la cabecera Allow indica los que admite.
problem-request_timeout = El cuerpo no llegó a tiempo. Envía la petición otra vez.
problem-email_taken = Esta dirección de correo ya tiene una cuenta.
problem-name_taken = Ya existe un equipo con este nombre.
problem-other_admins = Quedan otros administradores; solo el último administrador de una organización puede eliminarla.
problem-last_admin = Es el último administrador de la organización: no se le puede quitar el rol, bloquear ni eliminar.
problem-2fa_already_enabled = La autenticación en dos pasos ya está activa; para cambiar de dispositivo, desactívala primero.
problem-2fa_not_enabled = La autenticación en dos pasos no está activa.
problem-2fa_not_started = No hay nada que confirmar: empieza con POST /api/auth/2fa/enable y confirma antes de 15 minutos.
problem-own_second_factor = Tu propio segundo factor se quita con un código, en /api/auth/2fa/disable, o lo quita otro administrador.
problem-invitation_open = Ya hay una invitación abierta para esta dirección de correo; revócala primero.
problem-conflict = Otra persona cambió esto al mismo tiempo; vuelve a leerlo y repite.
problem-idempotency_in_progress = Se está ejecutando una petición con esta Idempotency-Key. Espera un momento y envíala de nuevo.
problem-payload_too_large = El cuerpo es mayor de lo que admite esta dirección.
problem-uri_too_long = La dirección de la petición es demasiado larga.
problem-unsupported_media_type = Envía el cuerpo como application/json en UTF-8, sin codificación de contenido.
problem-invalid_input = Algunos campos no se pueden aceptar; consulta errors para cada uno.
problem-idempotency_key_reused = Esta Idempotency-Key se usó para otra petición en el último día. Da a cada petición su propia clave.
problem-headers_too_large = La petición tiene demasiadas cabeceras o son demasiado grandes.
problem-account_locked = Demasiados intentos fallidos. Espera a que termine el bloqueo o usa el enlace de desbloqueo que te enviamos.
problem-rate_limited = Demasiadas peticiones. Espera y vuelve a intentarlo.
problem-internal_error = Algo falló por nuestra parte. No se cambió nada; comunica el id de la petición si vuelve a ocurrir.
problem-busy = El servidor está al límite en este momento. Vuelve a intentarlo enseguida.
problem-backend_unavailable = Algo que esta petición necesita no responde ahora mismo. No se cambió nada; vuelve a intentarlo enseguida.
problem-shutting_down = Este servidor está a punto de detenerse. Otro, o el siguiente, atenderá las peticiones nuevas.
problem-outcome_unknown = La respuesta se perdió mientras se guardaba: puede haberse guardado o no. Compruébalo antes de repetir.

detail-wrong-email-or-password = La dirección de correo o la contraseña no es correcta.
detail-temporary-token = El token temporal no es válido: ya se usó o se acabó su tiempo. Inicia sesión de nuevo.
detail-second-factor-unreadable = Por ahora no se pueden comprobar los códigos de tu aplicación. Usa un código de recuperación o pide a un administrador que restablezca el segundo factor.
detail-session-token = El token de sesión no es válido: está dañado, ha caducado o su sesión se cerró. Inicia sesión de nuevo.
detail-two-session-tokens = La petición trae más de un token de sesión; envía exactamente uno.
detail-code-not-right = El código no es correcto o ya se usó.
detail-code-used = Este código ya se usó; espera al siguiente.
detail-code-late = Este código era el correcto hace { $ago }, así que algún reloj va mal: deja que tu dispositivo ponga la hora automáticamente. El reloj de este servidor marca { $time }.
detail-no-such = { $what ->
    [event] Aquí no existe ese evento.
    [invitation] Aquí no existe esa invitación.
    [mail] Aquí no existe ese mensaje.
    [member] Aquí no existe ese miembro.
    [organization] Aquí no existe esa organización.
    [person] Aquí no existe esa persona.
    [session] Aquí no existe esa sesión.
    [team] Aquí no existe ese equipo.
   *[resource] Aquí no existe ese recurso.
}
detail-nothing-here = No hay nada en esta dirección.
detail-busy-with-passwords = El servidor está ocupado comprobando contraseñas; vuelve a intentarlo enseguida.
detail-others-checked = Se están comprobando otros intentos para esta cuenta; vuelve a intentarlo en un segundo.
detail-too-many-requests = Demasiadas peticiones: como máximo { $limit } en { $duration }. Espera y vuelve a intentarlo.
detail-address-blocked = Demasiados intentos desde esta dirección de red; queda bloqueada durante { $duration }.
detail-link-blocked = Este enlace se probó demasiadas veces; queda bloqueado durante { $duration }.
detail-locked = Cuenta bloqueada durante { $duration } tras demasiados intentos fallidos. Volver a intentarlo no alarga el bloqueo.
detail-locked-but-known = Cuenta bloqueada durante { $duration } tras demasiados intentos fallidos. Volver a intentarlo no alarga el bloqueo. Un dispositivo que ya inició sesión antes, o el enlace del mensaje que enviamos, sigue dando acceso.
detail-locked-device = Cuenta bloqueada durante { $duration } en este dispositivo tras demasiados intentos fallidos. Volver a intentarlo no alarga el bloqueo. El enlace del mensaje que enviamos sigue dando acceso.
detail-locked-for-good = Cuenta bloqueada durante { $duration } tras demasiados intentos fallidos. Volver a intentarlo no alarga el bloqueo. Fallaron demasiados inicios de sesión seguidos: desde dispositivos desconocidos se abrirá cuando se restablezca o cambie la contraseña.
detail-body-too-large = El cuerpo puede tener como máximo { $limit } bytes.
detail-body-broke-off = El cuerpo se cortó antes del final.
detail-field-twice = El campo { $name } aparece más de una vez; envíalo una sola vez.
detail-parameter-twice = El parámetro { $name } aparece más de una vez; envíalo una sola vez.
detail-form-expected = Envía el formulario como lo hacen los navegadores.
detail-form-not-utf8 = El formulario no está en UTF-8.
detail-query-not-utf8 = La consulta no es UTF-8 con codificación porcentual.
detail-one-host = La petición debe nombrar su host exactamente una vez, como host o host:puerto.
detail-address-too-long = La dirección puede tener como máximo { $limit } bytes.
detail-head-too-large = Se aceptan como máximo { $fields } cabeceras que sumen { $bytes } bytes.
detail-idempotency-key = Envía una Idempotency-Key de 1 a 255 caracteres ASCII visibles, por ejemplo un UUID.
detail-not-ready = No está listo: base de datos { $database }, redis { $redis }.
