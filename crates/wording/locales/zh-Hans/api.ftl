# API 所说的话。第一部分是登记表中每个代码的句子；第二部分是更具体的说明。

problem-invalid_json = 正文不是一段格式正确的 UTF-8 JSON 文本。
problem-duplicate_field = 某个字段或参数出现了多次；请只提供一次。
problem-token_invalid = 此链接无效：它已被使用、已过期，或没有完整复制。
problem-invalid_request = 请求格式有误或自相矛盾。
problem-unauthenticated = 请先登录：没有会话，或会话已结束。
problem-invalid_credentials = 邮箱、密码、验证码或临时令牌不正确。
problem-step_up_required = 此操作需要再次确认密码：请将密码 POST 到 /api/auth/reauthenticate，然后重复该请求。
problem-csrf_missing = 缺少 CSRF 令牌。请将登录时得到的 csrf_token 放入 X-CSRF-Token；GET /api/auth/csrf 可获取新的令牌。
problem-csrf_invalid = CSRF 令牌无效：它属于另一个会话或已损坏。GET /api/auth/csrf 可获取新的令牌。
problem-csrf_expired = CSRF 令牌已过期。GET /api/auth/csrf 可获取新的令牌。
problem-cross_origin = 此请求来自其他网站。只接受来自本服务器页面和程序的更改。
problem-forbidden = 您的角色不允许此操作；需要 admin 角色。
problem-wrong_password = 密码不正确。
problem-wrong_code = 验证码不正确或已被使用。您的会话继续有效。
problem-second_factor_unavailable = 连续输错验证码的次数过多：应用中的验证码已停用。请使用恢复码，或请管理员重置第二因素。
problem-2fa_setup_required = 您的组织要求双重身份验证。请先在 /api/auth/2fa/enable 完成设置。
problem-signup_closed = 此组织只通过邀请接纳新成员。
problem-invitation_for_other = 此邀请是发给另一个邮箱地址的；请用收到邀请的地址注册。
problem-https_required = 本服务器的 API 只通过 HTTPS 提供。
problem-not_found = 这里没有此名称的内容，或没有属于您的内容。
problem-method_not_allowed = 此地址不接受该方法；Allow 标头列出了可用的方法。
problem-request_timeout = 正文未能及时到达。请重新发送请求。
problem-email_taken = 此邮箱地址已有账户。
problem-name_taken = 已存在同名团队。
problem-other_admins = 还有其他管理员；只有组织的最后一位管理员才能删除组织。
problem-last_admin = 这是组织的最后一位管理员，不能被降级、锁定或删除。
problem-2fa_already_enabled = 双重身份验证已启用；要更换设备，请先停用。
problem-2fa_not_enabled = 双重身份验证未启用。
problem-2fa_not_started = 没有可确认的内容：请先 POST /api/auth/2fa/enable，并在 15 分钟内确认。
problem-own_second_factor = 您自己的第二因素需用验证码在 /api/auth/2fa/disable 移除，或由另一位管理员移除。
problem-invitation_open = 此邮箱地址已有一份未处理的邀请；请先撤销。
problem-conflict = 其他人在同一时刻更改了此内容；请重新读取后再试。
problem-idempotency_in_progress = 带有此 Idempotency-Key 的请求正在执行。请稍候再发送。
problem-payload_too_large = 正文超过了此地址允许的大小。
problem-uri_too_long = 请求的地址过长。
problem-unsupported_media_type = 请以 UTF-8 的 application/json 发送正文，不要使用内容编码。
problem-invalid_input = 有些字段无法接受；详见 errors 中的各项。
problem-idempotency_key_reused = 此 Idempotency-Key 在一天内已用于另一个请求。请为每个请求使用单独的键。
problem-headers_too_large = 请求的标头过多或过大。
problem-account_locked = 失败的尝试过多。请等待锁定结束，或使用邮件中的解锁链接。
problem-rate_limited = 请求过多。请稍后再试。
problem-internal_error = 我们这边出了问题。没有更改任何内容；如再次发生，请报告请求编号。
problem-busy = 服务器目前已达上限。请稍后再试。
problem-backend_unavailable = 此请求所需的服务目前没有响应。没有更改任何内容；请稍后再试。
problem-shutting_down = 本服务器即将停止。新的请求将由其他服务器或下一台服务器处理。
problem-outcome_unknown = 保存过程中应答丢失：可能已保存，也可能没有。请先查看再重试。

detail-wrong-email-or-password = 邮箱地址或密码不正确。
detail-temporary-token = 临时令牌无效：它已被使用，或已超时。请重新登录。
detail-second-factor-unreadable = 目前无法核对应用中的验证码。请使用恢复码，或请管理员重置第二因素。
detail-session-token = 会话令牌无效：它已损坏、已过期，或会话已被结束。请重新登录。
detail-two-session-tokens = 请求带有多个会话令牌；请只发送一个。
detail-code-not-right = 验证码不正确，或已被使用。
detail-code-used = 此验证码已被使用；请等待下一个。
detail-code-late = 此验证码在 { $ago }前是正确的，说明某个时钟不准：请让设备自动设置时间。本服务器的时钟为 { $time }。
detail-no-such = { $what ->
    [event] 这里没有这个活动。
    [invitation] 这里没有这份邀请。
    [mail] 这里没有这封邮件。
    [member] 这里没有这位成员。
    [organization] 这里没有这个组织。
    [person] 这里没有这个人。
    [session] 这里没有这个会话。
    [team] 这里没有这个团队。
   *[resource] 这里没有这个资源。
}
detail-nothing-here = 此地址没有任何内容。
detail-busy-with-passwords = 服务器正忙于校验密码；请稍后再试。
detail-others-checked = 此账户的其他尝试正在校验中；请一秒后再试。
detail-too-many-requests = 请求过多：{ $duration }内最多 { $limit } 次。请稍后再试。
detail-address-blocked = 来自此网络地址的尝试过多；该地址被封锁 { $duration }。
detail-link-blocked = 此链接的尝试次数过多；已被封锁 { $duration }。
detail-locked = 由于失败的尝试过多，账户被锁定 { $duration }。再次尝试不会延长锁定。
detail-locked-but-known = 由于失败的尝试过多，账户被锁定 { $duration }。再次尝试不会延长锁定。曾经登录过的设备，或我们所发邮件中的链接，仍可进入。
detail-locked-device = 由于失败的尝试过多，账户在此设备上被锁定 { $duration }。再次尝试不会延长锁定。我们所发邮件中的链接仍可进入。
detail-locked-for-good = 由于失败的尝试过多，账户被锁定 { $duration }。再次尝试不会延长锁定。连续登录失败次数过多：对于未知设备，要到密码被重置或更改后才会重新开放。
detail-body-too-large = 正文最多可有 { $limit } 字节。
detail-body-broke-off = 正文在结束前中断。
detail-field-twice = 字段 { $name } 出现了多次；请只提供一次。
detail-parameter-twice = 参数 { $name } 出现了多次；请只提供一次。
detail-form-expected = 请按浏览器的方式发送表单。
detail-form-not-utf8 = 表单不是 UTF-8。
detail-query-not-utf8 = 查询字符串不是百分号编码的 UTF-8。
detail-one-host = 请求必须恰好指定一次主机，格式为 host 或 host:port。
detail-address-too-long = 地址最多可有 { $limit } 字节。
detail-head-too-large = 最多接受 { $fields } 个标头，合计 { $bytes } 字节。
detail-idempotency-key = 请发送一个由 1 到 255 个可见 ASCII 字符组成的 Idempotency-Key，例如 UUID。
detail-not-ready = 尚未就绪：数据库 { $database }，redis { $redis }。
