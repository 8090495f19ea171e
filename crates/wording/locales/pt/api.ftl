# O que a API diz. A primeira parte tem uma frase para cada código do registro; a segunda, o que pode ser dito com mais detalhe.

problem-invalid_json = O corpo não é um único texto JSON bem formado em UTF-8.
problem-duplicate_field = Um campo ou parâmetro foi enviado mais de uma vez; envie-o uma só vez.
problem-token_invalid = Este link não é válido: já foi usado, expirou ou não foi copiado por inteiro.
problem-invalid_request = A requisição está malformada ou se contradiz.
problem-unauthenticated = Entre primeiro: não há sessão, ou ela terminou.
problem-invalid_credentials = O e-mail, a senha, o código ou o token temporário não está certo.
problem-step_up_required = Isto precisa da sua senha de novo: envie-a com POST para /api/auth/reauthenticate e repita a requisição.
problem-csrf_missing = Falta o token CSRF. Envie o csrf_token do seu login como X-CSRF-Token; GET /api/auth/csrf fornece um novo.
problem-csrf_invalid = O token CSRF não é válido: pertence a outra sessão ou está danificado. GET /api/auth/csrf fornece um novo.
problem-csrf_expired = O token CSRF expirou. GET /api/auth/csrf fornece um novo.
problem-cross_origin = Esta requisição vem de outro site. Alterações só são aceitas a partir das páginas deste servidor e de programas.
problem-forbidden = Seus papéis não permitem isto; é preciso o papel admin.
problem-wrong_password = A senha não está certa.
problem-wrong_code = O código não está certo ou já foi usado. Sua sessão continua.
problem-second_factor_unavailable = Muitos códigos errados seguidos: os códigos do seu aplicativo estão desativados. Use um código de recuperação ou peça a um administrador que redefina o segundo fator.
problem-2fa_setup_required = Sua organização exige a autenticação em dois fatores. Configure-a em /api/auth/2fa/enable antes de tudo.
problem-signup_closed = Esta organização só recebe pessoas novas por convite.
problem-invitation_for_other = Este convite é para outro endereço de e-mail; cadastre-se com o endereço para o qual ele foi enviado.
problem-https_required = Este servidor só responde à sua API por HTTPS.
problem-not_found = Não há nada aqui com este nome, ou nada seu.
problem-method_not_allowed = Este endereço não aceita este método; o cabeçalho Allow lista os que aceita.
problem-request_timeout = O corpo não chegou a tempo. Envie a requisição de novo.
problem-email_taken = Este endereço de e-mail já tem uma conta.
problem-name_taken = Já existe uma equipe com este nome.
problem-other_admins = Ainda há outros administradores; só o último administrador de uma organização pode excluí-la.
problem-last_admin = Este é o último administrador da organização: não pode ser rebaixado, bloqueado nem excluído.
problem-2fa_already_enabled = A autenticação em dois fatores já está ativa; para trocar de dispositivo, desative-a primeiro.
problem-2fa_not_enabled = A autenticação em dois fatores não está ativa.
problem-2fa_not_started = Não há nada a confirmar: comece com POST /api/auth/2fa/enable e confirme em até 15 minutos.
problem-own_second_factor = Seu próprio segundo fator é removido com um código, em /api/auth/2fa/disable, ou por outro administrador.
problem-invitation_open = Já há um convite aberto para este endereço de e-mail; revogue-o primeiro.
problem-conflict = Outra pessoa alterou isto no mesmo momento; leia de novo e repita.
problem-idempotency_in_progress = Uma requisição com esta Idempotency-Key está sendo executada. Espere um momento e envie de novo.
problem-payload_too_large = O corpo é maior do que este endereço aceita.
problem-uri_too_long = O endereço da requisição é longo demais.
problem-unsupported_media_type = Envie o corpo como application/json em UTF-8, sem codificação de conteúdo.
problem-invalid_input = Alguns campos não podem ser aceitos; veja errors para cada um deles.
problem-idempotency_key_reused = Esta Idempotency-Key foi usada para outra requisição no último dia. Dê a cada requisição a sua própria chave.
problem-headers_too_large = A requisição tem cabeçalhos demais, ou grandes demais.
problem-account_locked = Muitas tentativas falharam. Espere o bloqueio terminar ou use o link de desbloqueio enviado por e-mail.
problem-rate_limited = Requisições demais. Espere e tente de novo.
problem-internal_error = Algo deu errado do nosso lado. Nada foi alterado; informe o id da requisição se acontecer de novo.
problem-busy = O servidor está no limite neste momento. Tente de novo em instantes.
problem-backend_unavailable = Algo de que esta requisição precisa não responde agora. Nada foi alterado; tente de novo em instantes.
problem-shutting_down = Este servidor está prestes a parar. Outro, ou o próximo, atenderá as novas requisições.
problem-outcome_unknown = A resposta se perdeu enquanto isto era salvo: pode ter sido salvo ou não. Verifique antes de repetir.

detail-wrong-email-or-password = O endereço de e-mail ou a senha não está certo.
detail-temporary-token = O token temporário não é válido: já foi usado ou seu tempo acabou. Entre de novo.
detail-second-factor-unreadable = No momento não é possível verificar os códigos do seu aplicativo. Use um código de recuperação ou peça a um administrador que redefina o segundo fator.
detail-session-token = O token de sessão não é válido: está danificado, expirou ou a sessão foi encerrada. Entre de novo.
detail-two-session-tokens = A requisição traz mais de um token de sessão; envie exatamente um.
detail-code-not-right = O código não está certo ou já foi usado.
detail-code-used = Este código já foi usado; espere o próximo.
detail-code-late = Este código era o certo há { $ago }, portanto algum relógio está errado: deixe seu dispositivo acertar a hora sozinho. O relógio deste servidor marca { $time }.
detail-no-such = { $what ->
    [event] Não existe esse evento aqui.
    [invitation] Não existe esse convite aqui.
    [mail] Não existe essa mensagem aqui.
    [member] Não existe esse membro aqui.
    [organization] Não existe essa organização aqui.
    [person] Não existe essa pessoa aqui.
    [session] Não existe essa sessão aqui.
    [team] Não existe essa equipe aqui.
   *[resource] Não existe esse recurso aqui.
}
detail-nothing-here = Não há nada neste endereço.
detail-busy-with-passwords = O servidor está ocupado verificando senhas; tente de novo em instantes.
detail-others-checked = Outras tentativas para esta conta estão sendo verificadas agora; tente de novo em um segundo.
detail-too-many-requests = Requisições demais: no máximo { $limit } em { $duration }. Espere e tente de novo.
detail-address-blocked = Tentativas demais a partir deste endereço de rede; ele fica bloqueado por { $duration }.
detail-link-blocked = Este link foi tentado vezes demais; ele fica bloqueado por { $duration }.
detail-locked = Conta bloqueada por { $duration } após muitas tentativas sem sucesso. Tentar de novo não aumenta o bloqueio.
detail-locked-but-known = Conta bloqueada por { $duration } após muitas tentativas sem sucesso. Tentar de novo não aumenta o bloqueio. Um dispositivo que já entrou antes, ou o link da mensagem que enviamos, ainda dá acesso.
detail-locked-device = Conta bloqueada por { $duration } neste dispositivo após muitas tentativas sem sucesso. Tentar de novo não aumenta o bloqueio. O link da mensagem que enviamos ainda dá acesso.
detail-locked-for-good = Conta bloqueada por { $duration } após muitas tentativas sem sucesso. Tentar de novo não aumenta o bloqueio. Muitos logins falharam seguidos: a partir de dispositivos desconhecidos ela volta a abrir quando a senha for redefinida ou alterada.
detail-body-too-large = O corpo pode ter no máximo { $limit } bytes.
detail-body-broke-off = O corpo foi interrompido antes do fim.
detail-field-twice = O campo { $name } foi enviado mais de uma vez; envie-o uma só vez.
detail-parameter-twice = O parâmetro { $name } foi enviado mais de uma vez; envie-o uma só vez.
detail-form-expected = Envie o formulário como fazem os navegadores.
detail-form-not-utf8 = O formulário não está em UTF-8.
detail-query-not-utf8 = A consulta não é UTF-8 com codificação percentual.
detail-one-host = A requisição deve indicar seu host exatamente uma vez, como host ou host:porta.
detail-address-too-long = O endereço pode ter no máximo { $limit } bytes.
detail-head-too-large = São aceitos no máximo { $fields } cabeçalhos que somem { $bytes } bytes.
detail-idempotency-key = Envie uma Idempotency-Key de 1 a 255 caracteres ASCII visíveis, por exemplo um UUID.
detail-not-ready = Não está pronto: banco de dados { $database }, redis { $redis }.
