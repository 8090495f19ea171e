# API 所說的話。第一部分是登記表中每個代碼的句子；第二部分是更具體的說明。

problem-invalid_json = 本文不是一段格式正確的 UTF-8 JSON 文字。
problem-duplicate_field = 某個欄位或參數出現了多次；請只提供一次。
problem-token_invalid = 此連結無效：它已被使用、已過期，或沒有完整複製。
problem-invalid_request = 請求格式有誤或自相矛盾。
problem-unauthenticated = 請先登入：沒有工作階段，或工作階段已結束。
problem-invalid_credentials = 電子郵件、密碼、驗證碼或暫時權杖不正確。
problem-step_up_required = 此操作需要再次確認密碼：請將密碼 POST 到 /api/auth/reauthenticate，然後重複該請求。
problem-csrf_missing = 缺少 CSRF 權杖。請將登入時得到的 csrf_token 放入 X-CSRF-Token；GET /api/auth/csrf 可取得新的權杖。
problem-csrf_invalid = CSRF 權杖無效：它屬於另一個工作階段或已損壞。GET /api/auth/csrf 可取得新的權杖。
problem-csrf_expired = CSRF 權杖已過期。GET /api/auth/csrf 可取得新的權杖。
problem-cross_origin = 此請求來自其他網站。只接受來自本伺服器頁面和程式的變更。
problem-forbidden = 您的角色不允許此操作；需要 admin 角色。
problem-wrong_password = 密碼不正確。
problem-wrong_code = 驗證碼不正確或已被使用。您的工作階段繼續有效。
problem-second_factor_unavailable = 連續輸錯驗證碼的次數過多：應用程式中的驗證碼已停用。請使用恢復碼，或請管理員重設第二因素。
problem-2fa_setup_required = 您的組織要求雙重身份驗證。請先在 /api/auth/2fa/enable 完成設定。
problem-signup_closed = 此組織只透過邀請接納新成員。
problem-invitation_for_other = 此邀請是發給另一個電子郵件地址的；請用收到邀請的地址註冊。
problem-https_required = 本伺服器的 API 只透過 HTTPS 提供。
problem-not_found = 這裡沒有此名稱的內容，或沒有屬於您的內容。
problem-method_not_allowed = 此位址不接受該方法；Allow 標頭列出了可用的方法。
problem-request_timeout = 本文未能及時到達。請重新傳送請求。
problem-email_taken = 此電子郵件地址已有帳號。
problem-name_taken = 已存在同名團隊。
problem-other_admins = 還有其他管理員；只有組織的最後一位管理員才能刪除組織。
problem-last_admin = 這是組織的最後一位管理員，不能被降級、鎖定或刪除。
problem-2fa_already_enabled = 雙重身份驗證已啟用；要更換裝置，請先停用。
problem-2fa_not_enabled = 雙重身份驗證未啟用。
problem-2fa_not_started = 沒有可確認的內容：請先 POST /api/auth/2fa/enable，並在 15 分鐘內確認。
problem-own_second_factor = 您自己的第二因素需用驗證碼在 /api/auth/2fa/disable 移除，或由另一位管理員移除。
problem-invitation_open = 此電子郵件地址已有一份未處理的邀請；請先撤銷。
problem-conflict = 其他人在同一時刻變更了此內容；請重新讀取後再試。
problem-idempotency_in_progress = 帶有此 Idempotency-Key 的請求正在執行。請稍候再傳送。
problem-payload_too_large = 本文超過了此位址允許的大小。
problem-uri_too_long = 請求的位址過長。
problem-unsupported_media_type = 請以 UTF-8 的 application/json 傳送本文，不要使用內容編碼。
problem-invalid_input = 有些欄位無法接受；詳見 errors 中的各項。
problem-idempotency_key_reused = 此 Idempotency-Key 在一天內已用於另一個請求。請為每個請求使用單獨的鍵。
problem-headers_too_large = 請求的標頭過多或過大。
problem-account_locked = 失敗的嘗試過多。請等待鎖定結束，或使用郵件中的解鎖連結。
problem-rate_limited = 請求過多。請稍後再試。
problem-internal_error = 我們這邊出了問題。沒有變更任何內容；如再次發生，請報告請求編號。
problem-busy = 伺服器目前已達上限。請稍後再試。
problem-backend_unavailable = 此請求所需的服務目前沒有回應。沒有變更任何內容；請稍後再試。
problem-shutting_down = 本伺服器即將停止。新的請求將由其他伺服器或下一台伺服器處理。
problem-outcome_unknown = 儲存過程中回應遺失：可能已儲存，也可能沒有。請先查看再重試。

detail-wrong-email-or-password = 電子郵件地址或密碼不正確。
detail-temporary-token = 暫時權杖無效：它已被使用，或已超時。請重新登入。
detail-second-factor-unreadable = 目前無法核對應用程式中的驗證碼。請使用恢復碼，或請管理員重設第二因素。
detail-session-token = 工作階段權杖無效：它已損壞、已過期，或工作階段已被結束。請重新登入。
detail-two-session-tokens = 請求帶有多個工作階段權杖；請只傳送一個。
detail-code-not-right = 驗證碼不正確，或已被使用。
detail-code-used = 此驗證碼已被使用；請等待下一個。
detail-code-late = 此驗證碼在 { $ago }前是正確的，說明某個時鐘不準：請讓裝置自動設定時間。本伺服器的時鐘為 { $time }。
detail-no-such = { $what ->
    [event] 這裡沒有這個活動。
    [invitation] 這裡沒有這份邀請。
    [mail] 這裡沒有這封郵件。
    [member] 這裡沒有這位成員。
    [organization] 這裡沒有這個組織。
    [person] 這裡沒有這個人。
    [session] 這裡沒有這個工作階段。
    [team] 這裡沒有這個團隊。
   *[resource] 這裡沒有這個資源。
}
detail-nothing-here = 此位址沒有任何內容。
detail-busy-with-passwords = 伺服器正忙於檢查密碼；請稍後再試。
detail-others-checked = 此帳號的其他嘗試正在檢查中；請一秒後再試。
detail-too-many-requests = 請求過多：{ $duration }內最多 { $limit } 次。請稍後再試。
detail-address-blocked = 來自此網路位址的嘗試過多；該位址被封鎖 { $duration }。
detail-link-blocked = 此連結的嘗試次數過多；已被封鎖 { $duration }。
detail-locked = 由於失敗的嘗試過多，帳號被鎖定 { $duration }。再次嘗試不會延長鎖定。
detail-locked-but-known = 由於失敗的嘗試過多，帳號被鎖定 { $duration }。再次嘗試不會延長鎖定。曾經登入過的裝置，或我們所發郵件中的連結，仍可進入。
detail-locked-device = 由於失敗的嘗試過多，帳號在此裝置上被鎖定 { $duration }。再次嘗試不會延長鎖定。我們所發郵件中的連結仍可進入。
detail-locked-for-good = 由於失敗的嘗試過多，帳號被鎖定 { $duration }。再次嘗試不會延長鎖定。連續登入失敗次數過多：對於未知裝置，要到密碼被重設或變更後才會重新開放。
detail-body-too-large = 本文最多可有 { $limit } 位元組。
detail-body-broke-off = 本文在結束前中斷。
detail-field-twice = 欄位 { $name } 出現了多次；請只提供一次。
detail-parameter-twice = 參數 { $name } 出現了多次；請只提供一次。
detail-form-expected = 請按瀏覽器的方式傳送表單。
detail-form-not-utf8 = 表單不是 UTF-8。
detail-query-not-utf8 = 查詢字串不是百分號編碼的 UTF-8。
detail-one-host = 請求必須恰好指定一次主機，格式為 host 或 host:port。
detail-address-too-long = 位址最多可有 { $limit } 位元組。
detail-head-too-large = 最多接受 { $fields } 個標頭，合計 { $bytes } 位元組。
detail-idempotency-key = 請傳送一個由 1 到 255 個可見 ASCII 字元組成的 Idempotency-Key，例如 UUID。
detail-not-ready = 尚未就緒：資料庫 { $database }，redis { $redis }。
