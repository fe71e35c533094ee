"""Who can be played in the demonstration, by the role they play."""

CAST = {
    "ciso": ("000401", "CISO（事務局長）"),
    "vice-ciso": ("000407", "副CISO（事務局参事）"),
    "chief": ("000412", "統括情報セキュリティ責任者（事務局次長）"),
    "system": ("000445", "情報システム管理者（情報システム課長）"),
    "pension": ("000423", "情報システム管理者（年金課長）"),
    "security": ("000418", "情報セキュリティ責任者（総務課長）"),
    "hr": ("000456", "人事担当者（人事係長）"),
    "auditor": ("000451", "監査統括責任者（監査室長）"),
    "staff": ("002040", "職員（総務課総務係）"),
    "leaver": ("002025", "職員（次の人事データで退職する人）"),
    "colleague": ("002061", "職員（総務課経理係）"),
    "operator": ("002448", "特権IDを使う職員（システム運用係）"),
    "handover": ("000462", "仮パスワード交付担当者（情報管理係長）"),
}
"""Who can be played: role → staff number and title. The hand-over officer is last: from then on links are theirs."""
