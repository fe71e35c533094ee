"""What somebody does about a finding, kind by kind: whom to ask, where to press, and when it is over (control C1)."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from idm.vocabulary import FindingKind

_LOG = _(
    "どういう作業だったかを本人と所属に確かめ、分かったことを経過に記録します。"
    "確かめた人が「記録の点検」に署名すると終わります。"
)

ADVICE: Mapping[FindingKind, LazyString | str] = {
    FindingKind.DORMANT: _(
        "まだ要るかを本人か所属長に確かめます。要らなければ廃止を申請し、要るなら一度サインインしてもらいます。"
        "職員のIDは、何もしなければ、予告のあとで停止し、その後に削除します。使わずに残す必要があるときだけ、"
        "例外措置を申請します。"
    ),
    FindingKind.NEVER_USED: _(
        "仮パスワードが本人に届いているかを確かめます。届いていれば一度サインインしてもらい、"
        "要らなければ廃止を申請します。何もしなければ、予告のあとで停止し、その後に削除します。"
    ),
    FindingKind.LAST_USE_UNKNOWN: _(
        "使われているかどうかが分からないIDです。所属に確かめて経過に記録します。"
        "使われていないと分かったら廃止を申請します。最終利用日をディレクトリが示すようになれば、"
        "ほかのIDと同じに点検されます。"
    ),
    FindingKind.ORPHAN: _(
        "だれのIDかを、作った人や業者に確かめます。職員のものなら引継ぎの画面で本人と結び、"
        "共用やシステムのIDなら登録し、だれのものでもなければディレクトリから削除します。"
        "急ぐときは緊急停止の一覧で止められます。"
    ),
    FindingKind.LEFT: _(
        "離職した人のIDが残っています。次の処理で無効になるはずのものなので、残っている理由（届いていない手作業、"
        "つながらないディレクトリ）を確かめ、終わらせます。急ぐときは本人を緊急停止します。"
    ),
    FindingKind.CHECK_FAILED: _(
        "上の「わかったこと」の原因を取り除き、接続の試験で確かめます。次の点検が終わると解消します。それまで、"
        "このシステムのほかの点検結果は前回のままです。"
    ),
    FindingKind.UNADOPTED: _(
        "だれのIDかがまだ決まっていません。引継ぎの画面で、本人と結ぶ、共用等として登録する、削除する、"
        "のどれかに決めます。"
    ),
    FindingKind.MISSING: _(
        "承認されたIDがディレクトリにありません。だれかが直接削除したのでなければ、"
        "承認のとおりに作り直します。要らなくなったものなら、廃止を申請します。"
    ),
    FindingKind.DRIFT: _(
        "承認と違うところが上に並んでいます。承認のとおりに戻します。今の状態のほうが正しいなら、"
        "変更を申請して承認を受けます。"
    ),
    FindingKind.EXTRA_MEMBER: _(
        "承認のないグループに入っています。グループから外します。必要な所属なら、権限を申請して承認を受けます。"
    ),
    FindingKind.WORK_OVERDUE: _(
        "手作業の依頼の期限が過ぎています。作業した人が報告し、別の人が確認すると解消します。"
    ),
    FindingKind.FACTOR_MISSING: _(
        "二つの種類の認証要素が確かめられないまま、マイナンバー利用事務系の権限が有効になっています。"
        "カード等を交付して登録するか、ディレクトリの設定を直します。直るまで、その権限は有効になりません。"
    ),
    FindingKind.FACTOR_UNSHOWN: _(
        "認証要素を確かめた日から時間がたっています。登録の一覧を取り込み直すか、"
        "ディレクトリにつながるようにすると、次の点検で確かめ直します。"
    ),
    FindingKind.DEFAULT_NAME: _(
        "だれもが知っている初期設定の名前の特権IDです。名前を変えるか無効にします。変えられない製品のものなら、"
        "例外措置を申請します。"
    ),
    FindingKind.OUT_OF_BAND: _(
        "承認なしに特権が与えられていました。だれが、いつ、なぜ加えたかを確かめて経過に記録し、CISOへ報告します。"
        "必要な特権なら、外してから改めて申請します。"
    ),
    FindingKind.UNREGISTERED_PRIVILEGE: _(
        "特権を持つのに登録簿にないIDです。だれのもので何に使うかを確かめ、登録簿に載せるか、特権を外します。"
    ),
    FindingKind.PASSWORD_RULES: _(
        "ディレクトリの設定が、対策基準のパスワードの規則より緩くなっています。設定を直すと、"
        "次の点検で解消します。直せないときは、代替措置を添えて例外措置を申請します。"
    ),
    FindingKind.TEMPORARY_OVERDUE: _(
        "仮パスワードが変更されないまま期限が過ぎました。本人に確かめ、必要なら仮パスワードを交付し直します。"
    ),
    FindingKind.PASSWORD_OVERDUE: _(
        "本人にパスワードの変更を頼みます。変更されると、次の点検で解消します。"
    ),
    FindingKind.ROTATION_OVERDUE: _(
        "預かっているパスワードが予定どおりに変えられていません。上の理由を取り除いてから、"
        "パスワードの画面で「今すぐ変更する」を押します。"
    ),
    FindingKind.REPORT_OVERDUE: _(
        "特権IDを使った人に、作業報告を出してもらいます。報告を別の人が確認すると解消します。"
    ),
    FindingKind.OWNER_GONE: _(
        "管理責任者が離職または異動しました。登録簿で、次の管理責任者を二人の手で決めます。"
        "要らないIDなら登録を終えます。"
    ),
    FindingKind.CONTRACT_ENDED: _(
        "契約の終わった外部者のIDが残っています。契約が続くなら契約の登録を直し、続かないなら、"
        "残っている手作業や接続の障害を片付けて無効にします。"
    ),
    FindingKind.EXCEPTION_EXPIRED: _(
        "例外措置の期限が過ぎ、認められていた状態だけが残っています。元に戻すか、"
        "必要なら更新を申請して許可を受けます。"
    ),
    FindingKind.SHARED_USER_LEFT: _(
        "離職・異動した人が共用IDの利用者に残っています。利用者の一覧から外し、知っているパスワードを変えます。"
    ),
    FindingKind.NOT_CHECKED: _(
        "このシステムでは一部の点検ができません。上の理由（権限の不足、設定の不足）を取り除きます。"
        "ディレクトリに機能がないときは、別の方法で確かめ、例外措置として記録します。"
    ),
    FindingKind.STOP_NOT_REACHED: _(
        "停止がまだディレクトリに届いていません。届くまで試し続けていますが、待たずに、"
        "システムの管理者がその場でIDを止めてください。"
    ),
    FindingKind.AFTER_HOURS: _LOG,
    FindingKind.BURST: _LOG,
    FindingKind.REFUSED_ATTEMPTS: _LOG,
    FindingKind.QUICK_DECISIONS: _(
        "中身を読まずに決裁していないか、決裁した人に確かめます。分かったことを経過に記録し、"
        "確かめた人が「記録の点検」に署名すると終わります。"
    ),
    FindingKind.SUDDEN_USE: _(
        "本人が使ったのかを、すぐに本人へ確かめます。本人でなければ緊急停止し、事案として扱います。"
        "確かめた人が「記録の点検」に署名すると終わります。"
    ),
    FindingKind.CLOCK_DRIFT: _(
        "サーバーの時計を、時刻の同期の設定から直します。ずれている間の記録の時刻は、証拠として弱くなります。"
    ),
    FindingKind.EXPORT_LATE: _(
        "受け取る側（SIEM）が動いているか、証明書と経路が正しいかを確かめます。たまった記録は失われず、"
        "つながると順に送られます。"
    ),
}  # fmt: skip
"""Kind → what to do."""
