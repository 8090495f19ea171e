# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.

mail-link-hint = 如果按鈕無法使用，請開啟此網址：
mail-automatic = 此郵件由 SignUpFlow 就相關帳號自動寄至 { $address }，回覆無人查看。
mail-automatic-invitation = 有人邀請了此地址，因此 SignUpFlow 將此郵件自動寄至 { $address }，回覆無人查看。
mail-detail-device = 裝置
mail-detail-address = IP 位址
mail-detail-time = 時間
mail-device-unknown = 未知
mail-device-on = { $system } 上的 { $browser }
mail-place-command-line = 伺服器命令列

mail-account-locked-subject = 您的帳號已被鎖定
mail-account-locked-body =
    有人在 { $place } 多次嘗試登入您的帳號但未成功，因此來自陌生裝置的登入已被鎖定 { $duration }。

    如果是您本人，請透過此連結解鎖：
mail-account-locked-button = 解鎖帳號
mail-account-locked-after = 如果不是您本人，無需任何操作：密碼並未被猜中。先前登入過的裝置仍可正常使用。

mail-device-locked-subject = 您的一部裝置的登入已被鎖定
mail-device-locked-body =
    有人在 { $place } 用一部曾經登入過您帳號的裝置多次嘗試登入但未成功，因此來自該裝置的登入已被鎖定 { $duration }。

    如果是您本人，請透過此連結解鎖：
mail-device-locked-button = 解鎖裝置
mail-device-locked-after = 如果不是您本人，可能有人正在使用您的裝置：密碼並未被猜中。其他裝置仍可正常使用。

mail-password-changed-subject = 您的密碼已變更
mail-password-changed-body =
    您的帳號密碼已在 { $place } 變更，其他所有裝置均已登出。

    如果不是您本人操作，請透過此連結鎖定帳號：
mail-password-changed-button = 不是我本人
mail-password-changed-after = 如果是您本人操作，無需理會。

mail-password-reset-subject = 設定新密碼
mail-password-reset-body = 有人在 { $place } 為您的帳號申請設定新密碼。如果是您本人，請在 { $duration }內透過此連結設定：
mail-password-reset-button = 設定新密碼
mail-password-reset-after = 如果不是您本人，無需任何操作：您的密碼維持不變。

mail-invitation-subject = 邀請您加入 { $organization }
mail-invitation-body = { $inviter } 邀請您加入 { $organization }。請透過此連結接受邀請：
mail-invitation-button = 接受邀請
mail-invitation-after = 如果您不清楚此事，請忽略本郵件。

mail-new-device-subject = 您的帳號有新的登入
mail-new-device-body =
    有人在一台從未使用過的裝置上登入了您的帳號。

    如果不是您本人，請透過此連結鎖定帳號：
mail-new-device-button = 不是我本人
mail-new-device-after = 如果是您本人，無需任何操作。

mail-undeliverable-subject = 有一封郵件無法送達
mail-undeliverable-body =
    郵件伺服器永久拒收了寄往 { $recipient } 的郵件：「{ $subject }」。

    伺服器的答覆：{ $answer }

    請檢查該地址；如有必要，請透過其他方式告知對方。

mail-two-factor-enabled-subject = 雙重驗證已開啟
mail-two-factor-enabled-body =
    您的帳號已在 { $place } 開啟雙重驗證。從現在起，登入時需要輸入應用程式中的驗證碼。所有裝置均已登出。

    請將復原碼保存在沒有手機時也能找到的地方。
mail-two-factor-disabled-subject = 雙重驗證已關閉
mail-two-factor-disabled-body = 您的帳號已在 { $place } 關閉雙重驗證：現在僅憑密碼即可登入。所有裝置均已登出。
mail-two-factor-reset-subject = 您的雙重驗證已重設
mail-two-factor-reset-body = 管理員已在 { $place } 移除您帳號的雙重驗證，所有裝置均已登出。請用密碼登入，並重新設定雙重驗證。
mail-two-factor-reset-advice = 如果您沒有提出過此要求，請立即聯絡您組織的管理員。
mail-recovery-code-used-subject = 復原碼已被使用
mail-recovery-code-used-body = { $left ->
    [0] 您帳號的一個復原碼已在 { $place } 使用，今後無法再用；這是最後一個。
   *[other] 您帳號的一個復原碼已在 { $place } 使用，今後無法再用；還剩 { $left } 個。
}
mail-recovery-codes-few = 請儘快產生新的復原碼。
mail-recovery-codes-replaced-subject = 您有新的復原碼
mail-recovery-codes-replaced-body = 您的帳號已在 { $place } 產生新的復原碼，舊的復原碼已失效。
mail-two-factor-wrong-codes-subject = 您的帳號出現錯誤的驗證碼
mail-two-factor-wrong-codes-body = 有人在 { $place } 使用了您的密碼，並多次輸入錯誤的驗證碼，登入已被阻止。
mail-two-factor-codes-off-subject = 應用程式驗證碼已停用
mail-two-factor-codes-off-body = 有人知道您的密碼，並連續多次輸入錯誤的驗證碼，最後一次來自 { $place }。在您組織的管理員重設您的雙重驗證之前，應用程式中的驗證碼將被拒絕。您的復原碼仍可使用。
mail-not-me-advice = 如果不是您本人，表示有人知道您的密碼：請立即變更密碼，並告知您組織的管理員。
