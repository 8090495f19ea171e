# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.

mail-link-hint = Se o botão não funcionar, abra este endereço:
mail-automatic = O SignUpFlow enviou esta mensagem para { $address } por causa da conta associada. Ninguém lê as respostas.
mail-automatic-invitation = O SignUpFlow enviou esta mensagem para { $address } porque alguém convidou esse endereço. Ninguém lê as respostas.
mail-detail-device = Dispositivo
mail-detail-address = Endereço IP
mail-detail-time = Hora
mail-device-unknown = desconhecido
mail-device-on = { $browser } no { $system }
mail-place-command-line = a linha de comando do servidor

mail-account-locked-subject = Sua conta foi bloqueada
mail-account-locked-body =
    Alguém tentou várias vezes, sem sucesso, entrar na sua conta a partir de { $place }; por isso o acesso por dispositivos desconhecidos fica bloqueado por { $duration }.

    Se foi você, desbloqueie a conta com este link:
mail-account-locked-button = Desbloquear conta
mail-account-locked-after = Se não foi você, não é preciso fazer nada: a senha não foi descoberta. Os dispositivos que já tinham entrado continuam funcionando.

mail-device-locked-subject = O acesso por um dos seus dispositivos foi bloqueado
mail-device-locked-body =
    Em um dispositivo que já tinha entrado na sua conta, em { $place }, alguém tentou entrar várias vezes, sem sucesso; por isso o acesso por esse dispositivo fica bloqueado por { $duration }.

    Se foi você, desbloqueie o dispositivo com este link:
mail-device-locked-button = Desbloquear dispositivo
mail-device-locked-after = Se não foi você, alguém pode estar usando o seu dispositivo: a senha não foi descoberta. Os outros dispositivos continuam funcionando.

mail-password-changed-subject = Sua senha foi alterada
mail-password-changed-body =
    A senha da sua conta foi alterada a partir de { $place } e todos os outros dispositivos foram desconectados.

    Se não foi você, bloqueie a conta com este link:
mail-password-changed-button = Não fui eu
mail-password-changed-after = Se foi você, não é preciso fazer nada.

mail-password-reset-subject = Defina uma nova senha
mail-password-reset-body = Alguém pediu, a partir de { $place }, uma nova senha para a sua conta. Se foi você, defina-a em até { $duration } com este link:
mail-password-reset-button = Definir nova senha
mail-password-reset-after = Se não foi você, não é preciso fazer nada: sua senha continua a mesma.

mail-invitation-subject = Convite para { $organization }
mail-invitation-body = { $inviter } convida você a participar de { $organization }. Aceite com este link:
mail-invitation-button = Aceitar convite
mail-invitation-after = Se você não sabe do que se trata, ignore esta mensagem.

mail-new-device-subject = Novo acesso à sua conta
mail-new-device-body =
    Alguém entrou na sua conta com um dispositivo que não tinha sido usado antes.

    Se não foi você, bloqueie a conta com este link:
mail-new-device-button = Não fui eu
mail-new-device-after = Se foi você, não é preciso fazer nada.

mail-undeliverable-subject = Uma mensagem não pôde ser entregue
mail-undeliverable-body =
    O servidor de e-mail recusou definitivamente uma mensagem para { $recipient }: “{ $subject }”.

    A resposta foi: { $answer }

    Verifique o endereço e, se for importante, avise a pessoa de outra forma.

mail-two-factor-enabled-subject = A autenticação de dois fatores está ativada
mail-two-factor-enabled-body =
    A autenticação de dois fatores da sua conta foi ativada a partir de { $place }. De agora em diante, para entrar é preciso um código do seu aplicativo. Todos os dispositivos foram desconectados.

    Guarde os códigos de recuperação onde possa encontrá-los sem o celular.
mail-two-factor-disabled-subject = A autenticação de dois fatores está desativada
mail-two-factor-disabled-body = A autenticação de dois fatores da sua conta foi desativada a partir de { $place }: para entrar basta a sua senha. Todos os dispositivos foram desconectados.
mail-two-factor-reset-subject = Sua autenticação de dois fatores foi redefinida
mail-two-factor-reset-body = Um administrador removeu o segundo fator da sua conta, a partir de { $place }, e todos os dispositivos foram desconectados. Entre com a sua senha e configure de novo a autenticação de dois fatores.
mail-two-factor-reset-advice = Se você não pediu isso, fale imediatamente com um administrador da sua organização.
mail-recovery-code-used-subject = Um código de recuperação foi usado
mail-recovery-code-used-body = { $left ->
    [0] Um código de recuperação da sua conta foi usado a partir de { $place }. Ele não funcionará de novo; era o último.
    [one] Um código de recuperação da sua conta foi usado a partir de { $place }. Ele não funcionará de novo; resta { $left }.
   *[other] Um código de recuperação da sua conta foi usado a partir de { $place }. Ele não funcionará de novo; restam { $left }.
}
mail-recovery-codes-few = Crie logo novos códigos de recuperação.
mail-recovery-codes-replaced-subject = Você tem novos códigos de recuperação
mail-recovery-codes-replaced-body = Novos códigos de recuperação foram criados para a sua conta a partir de { $place }. Os antigos não funcionam mais.
mail-two-factor-wrong-codes-subject = Códigos errados na sua conta
mail-two-factor-wrong-codes-body = Alguém que conhece a sua senha informou vários códigos errados a partir de { $place } e foi impedido de entrar.
mail-two-factor-codes-off-subject = Os códigos do seu aplicativo estão desativados
mail-two-factor-codes-off-body = Alguém que conhece a sua senha informou códigos errados demais em sequência, o último a partir de { $place }. Os códigos do seu aplicativo serão recusados até que um administrador da sua organização redefina o seu segundo fator. Os códigos de recuperação continuam funcionando.
mail-not-me-advice = Se não foi você, outra pessoa conhece a sua senha: altere-a imediatamente e avise um administrador da sua organização.
