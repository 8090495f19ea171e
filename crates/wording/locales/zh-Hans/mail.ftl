# Mails. A blank line begins a new paragraph. A body ends right before the button, if there is one.

mail-link-hint = 如果按钮无法使用，请打开此网址：
mail-automatic = 此邮件由 SignUpFlow 就相关账户自动发送至 { $address }，回复无人查看。
mail-automatic-invitation = 有人邀请了此地址，因此 SignUpFlow 将此邮件自动发送至 { $address }，回复无人查看。
mail-detail-device = 设备
mail-detail-address = IP 地址
mail-detail-time = 时间
mail-device-unknown = 未知
mail-device-on = { $system } 上的 { $browser }
mail-place-command-line = 服务器命令行

mail-account-locked-subject = 您的账户已被锁定
mail-account-locked-body =
    有人在 { $place } 多次尝试登录您的账户但未成功，因此来自陌生设备的登录已被锁定 { $duration }。

    如果是您本人，请通过此链接解锁：
mail-account-locked-button = 解锁账户
mail-account-locked-after = 如果不是您本人，无需任何操作：密码并未被猜中。之前登录过的设备仍可正常使用。

mail-device-locked-subject = 您的一台设备的登录已被锁定
mail-device-locked-body =
    有人在 { $place } 用一台曾经登录过您账户的设备多次尝试登录但未成功，因此来自该设备的登录已被锁定 { $duration }。

    如果是您本人，请通过此链接解锁：
mail-device-locked-button = 解锁设备
mail-device-locked-after = 如果不是您本人，可能有人正在使用您的设备：密码并未被猜中。其他设备仍可正常使用。

mail-password-changed-subject = 您的密码已更改
mail-password-changed-body =
    您的账户密码已在 { $place } 更改，其他所有设备均已退出登录。

    如果不是您本人操作，请通过此链接锁定账户：
mail-password-changed-button = 不是我本人
mail-password-changed-after = 如果是您本人操作，无需理会。

mail-password-reset-subject = 设置新密码
mail-password-reset-body = 有人在 { $place } 为您的账户申请设置新密码。如果是您本人，请在 { $duration }内通过此链接设置：
mail-password-reset-button = 设置新密码
mail-password-reset-after = 如果不是您本人，无需任何操作：您的密码保持不变。

mail-invitation-subject = 邀请您加入 { $organization }
mail-invitation-body = { $inviter } 邀请您加入 { $organization }。请通过此链接接受邀请：
mail-invitation-button = 接受邀请
mail-invitation-after = 如果您不清楚此事，请忽略本邮件。

mail-new-device-subject = 您的账户有新的登录
mail-new-device-body =
    有人在一台从未使用过的设备上登录了您的账户。

    如果不是您本人，请通过此链接锁定账户：
mail-new-device-button = 不是我本人
mail-new-device-after = 如果是您本人，无需任何操作。

mail-undeliverable-subject = 有一封邮件无法送达
mail-undeliverable-body =
    邮件服务器永久拒收了发往 { $recipient } 的邮件：“{ $subject }”。

    服务器的答复：{ $answer }

    请检查该地址；如有必要，请通过其他方式告知对方。

mail-two-factor-enabled-subject = 双重验证已开启
mail-two-factor-enabled-body =
    您的账户已在 { $place } 开启双重验证。从现在起，登录时需要输入应用中的验证码。所有设备均已退出登录。

    请将恢复码保存在没有手机时也能找到的地方。
mail-two-factor-disabled-subject = 双重验证已关闭
mail-two-factor-disabled-body = 您的账户已在 { $place } 关闭双重验证：现在仅凭密码即可登录。所有设备均已退出登录。
mail-two-factor-reset-subject = 您的双重验证已重置
mail-two-factor-reset-body = 管理员已在 { $place } 移除您账户的双重验证，所有设备均已退出登录。请用密码登录，并重新设置双重验证。
mail-two-factor-reset-advice = 如果您没有提出过此要求，请立即联系您组织的管理员。
mail-recovery-code-used-subject = 恢复码已被使用
mail-recovery-code-used-body = { $left ->
    [0] 您账户的一个恢复码已在 { $place } 使用，今后无法再用；这是最后一个。
   *[other] 您账户的一个恢复码已在 { $place } 使用，今后无法再用；还剩 { $left } 个。
}
mail-recovery-codes-few = 请尽快生成新的恢复码。
mail-recovery-codes-replaced-subject = 您有新的恢复码
mail-recovery-codes-replaced-body = 您的账户已在 { $place } 生成新的恢复码，旧的恢复码已失效。
mail-two-factor-wrong-codes-subject = 您的账户出现错误的验证码
mail-two-factor-wrong-codes-body = 有人在 { $place } 使用了您的密码，并多次输入错误的验证码，登录已被阻止。
mail-two-factor-codes-off-subject = 应用验证码已停用
mail-two-factor-codes-off-body = 有人知道您的密码，并连续多次输入错误的验证码，最后一次来自 { $place }。在您组织的管理员重置您的双重验证之前，应用中的验证码将被拒绝。您的恢复码仍可使用。
mail-not-me-advice = 如果不是您本人，说明有人知道您的密码：请立即更改密码，并告知您组织的管理员。
