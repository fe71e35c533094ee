"""What the audit record's dotted verbs and kinds of object are called on a page.

The record itself keeps the verbs; a verb without a title is shown as it is. `DONE` are acts, `TRIED` what was attempted
where an act was refused.
"""

from flask import Blueprint
from flask_babel import lazy_gettext as _

DONE = {
    "request.submitted": _("申請を提出"),
    "request.withdrawn": _("申請を取下げ"),
    "request.lapsed": _("申請が失効"),
    "request.line_dropped": _("提出前に行を除外"),
    "step.approved": _("承認"),
    "step.returned": _("差戻し"),
    "step.rejected": _("却下"),
    "exception.permitted": _("例外措置を許可"),
    "standing.proposed": _("包括承認を提案"),
    "standing.approved": _("包括承認を承認"),
    "standing.refused": _("包括承認を却下"),
    "standing.used": _("包括承認により承認"),
    "standing.lapsing": _("包括承認の失効する日を決定"),
    "standing.ended": _("包括承認が終了"),
    "grant.decided": _("権限を決定"),
    "grant.begun": _("権限の開始"),
    "grant.end_decided": _("権限の終了を決定"),
    "grant.ended": _("権限の終了"),
    "grant.suspended": _("権限の停止"),
    "grant.resumed": _("権限の再開"),
    "lifecycle.carried_out": _("期日の処理を実施"),
    "batch.proposed": _("一括処理を計画"),
    "batch.permitted": _("一括処理を許可"),
    "batch.refused": _("一括処理を不許可"),
    "leaving.began": _("返却物の確認を開始"),
    "leaving.withdrawn": _("返却物の確認を取下げ"),
    "leaving.settled": _("返却物の結果を記録"),
    "leaving.corrected": _("返却物の注記"),
    "leaving.closed": _("返却物の確認を完了"),
    "provision.done": _("ディレクトリへ反映"),
    "provision.waiting": _("ディレクトリに接続できず"),
    "provision.refused": _("ディレクトリが拒否"),
    "provision.superseded": _("新しい決定に置き換え"),
    "account.name_chosen": _("利用者IDを選択"),
    "account.names_retired": _("使わない利用者IDを登録"),
    "handover.asked": _("仮パスワードの交付を開始"),
    "handover.sealed": _("仮パスワードを設定"),
    "handover.shown": _("仮パスワードを表示"),
    "handover.received": _("仮パスワードの受領"),
    "officer.followed": _("職による就任"),
    "officer.confirmed": _("就任を確認"),
    "deputy.named": _("代決者を指名"),
    "deputy.accepted": _("代決者を承認"),
    "configuration.first_record": _("最初の記録"),
    "configuration.proposed": _("設定変更を提案"),
    "configuration.accepted": _("設定変更を承認"),
    "configuration.refused": _("設定変更を却下"),
    "feed.applied": _("人事データを適用"),
    "feed.joined": _("採用を登録"),
    "feed.changed": _("異動を登録"),
    "feed.left": _("退職を登録"),
    "contract.registered": _("契約を登録"),
    "contract.extended": _("契約を延長"),
    "contract.ended": _("契約の終わりを記録"),
    "contract.called_off": _("始まる前の再委託を取りやめ"),
    "outside.registered": _("外部者を登録"),
    "outside.renewed": _("外部者の登録を更新"),
    "outside.ended_now": _("外部者の登録を終了"),
    "outside.end_decided": _("外部者の登録の終わりを短縮"),
    "outside.called_off": _("始まる前の外部者の登録を取りやめ"),
    "sponsorship.named": _("受入担当者を指名"),
    "sponsorship.accepted": _("受入れを引受け"),
    "sponsorship.vacant": _("受入担当者が不在"),
    "consent.recorded": _("同意書を記録"),
    "service.reported_not_needed": _("不要の報告を記録"),
    "service.block_lifted": _("不要の報告を取消し"),
    "sweep.recorded": _("点検を記録"),
    "sign_in.invited": _("サインイン登録の案内を発行"),
    "sign_in.enrolled": _("サインインの登録"),
    "sign_in.second_factor_enrolled": _("認証アプリの登録"),
    "sign_in.completed": _("サインイン"),
    "sign_in.session_ended": _("サインアウト"),
    "sign_in.all_sessions_ended": _("すべてのサインインを終了"),
    "audit.payloads_expired": _("保存期間を過ぎた内容を消去"),
}
TRIED = {
    "request.submit": _("申請の提出"),
    "request.withdraw": _("申請の取下げ"),
    "request.decide": _("申請の決裁"),
    "request.drop_lines": _("行の除外"),
    "exception.permit": _("例外措置の許可"),
    "standing.propose": _("包括承認の提案"),
    "standing.approve": _("包括承認の承認"),
    "standing.refuse": _("包括承認の却下"),
    "standing.end": _("包括承認の終了"),
    "account.choose_name": _("利用者IDの選択"),
    "account.retire_names": _("使わない利用者IDの登録"),
    "handover.ask": _("仮パスワードの交付の開始"),
    "handover.show": _("仮パスワードの表示"),
    "handover.receive": _("受領の記録"),
    "officer.confirm": _("就任の確認"),
    "deputy.name": _("代決者の指名"),
    "deputy.accept": _("代決者の承認"),
    "configuration.propose": _("設定変更の提案"),
    "configuration.accept": _("設定変更の承認"),
    "configuration.refuse": _("設定変更の却下"),
    "feed.apply": _("人事データの適用"),
    "contract.register": _("契約の登録"),
    "contract.extend": _("契約の延長"),
    "contract.end": _("契約の終わりの記録"),
    "outside.register": _("外部者の登録"),
    "outside.renew": _("外部者の登録の更新"),
    "outside.end": _("外部者の登録の終了"),
    "sponsorship.accept": _("受入れの引受け"),
    "sponsorship.hand": _("受入担当者の変更"),
    "sponsorship.name": _("受入担当者の決定"),
    "consent.record": _("同意書の記録"),
    "service.report": _("不要の報告"),
    "service.lift": _("不要の報告の取消し"),
    "lifecycle.run": _("期日の処理"),
    "batch.propose": _("一括処理の計画"),
    "batch.permit": _("一括処理の許可"),
    "batch.refuse": _("一括処理の不許可"),
    "leaving.settle": _("返却物の結果の記録"),
    "leaving.correct": _("返却物の注記"),
    "sign_in.attempted": _("サインインの試み"),
    "sign_in.give_password": _("サインイン（パスワード）"),
    "sign_in.give_code": _("サインイン（確認コード）"),
    "sign_in.enrol": _("サインインの登録"),
    "sign_in.end_session": _("サインアウト"),
    "sign_in.invite": _("サインイン登録の案内の発行"),
    "sign_in.prepare_second_factor": _("認証アプリの準備"),
}
OBJECTS = {
    "request": _("申請"),
    "grant": _("権限"),
    "account": _("利用者ID"),
    "person": _("職員"),
    "employment": _("任用"),
    "contract": _("契約"),
    "unit": _("課"),
    "service_block": _("不要の報告"),
    "officer": _("就任"),
    "deputy": _("代決者"),
    "handover": _("仮パスワード交付"),
    "configuration": _("設定"),
    "system": _("情報システム"),
    "standing": _("包括承認"),
    "feed": _("人事データ"),
    "feed_run": _("人事データの取込"),
    "lifecycle": _("期日の処理"),
    "batch": _("一括処理"),
    "leaving": _("返却物の確認"),
    "sign_in": _("サインイン"),
    "audit": _("監査記録"),
}
GROUPS = {
    "request": _("申請の提出・取下げ"),
    "step": _("決裁"),
    "exception": _("例外措置"),
    "standing": _("包括承認"),
    "grant": _("権限の決定"),
    "account": _("利用者IDの名前"),
    "provision": _("ディレクトリへの反映"),
    "handover": _("仮パスワード交付"),
    "officer": _("責任者"),
    "deputy": _("代決者"),
    "configuration": _("設定"),
    "feed": _("人事データ"),
    "contract": _("契約"),
    "outside": _("外部者登録簿"),
    "sponsorship": _("受入担当者"),
    "consent": _("同意書"),
    "service": _("不要の報告"),
    "sweep": _("点検"),
    "sign_in": _("サインイン"),
    "lifecycle": _("期日の処理"),
    "batch": _("一括処理"),
    "leaving": _("返却物の確認"),
    "audit": _("監査記録"),
}
"""The first words of the verbs: what the list can be narrowed to."""


ACTORS = {
    "jobs.provision": _("ディレクトリへの反映（自動）"),
    "jobs.sweep": _("夜間の点検（自動）"),
    "jobs.lifecycle": _("期日の処理（自動）"),
    "jobs.accounts": _("利用者IDの登録（コマンド）"),
    "jobs.hr_feed": _("人事データの取込（自動）"),
    "idm init": _("初期設定"),
}
"""What acts without a person."""


def actor_title(label: str) -> str:
    """Who acted: a person's name as it is, a job in words."""
    return str(ACTORS.get(label, label))


def act_title(action: str) -> str:
    """What was done, or tried; the verb itself where it has no title."""
    return str(DONE.get(action) or TRIED.get(action) or action)


def object_title(kind: str) -> str:
    """What it was done to; the kind itself where it has no title."""
    return str(OBJECTS.get(kind, kind))


def offer(blueprint: Blueprint) -> None:
    """Afterwards every template can use the filters above, each by its own name."""
    for function in (act_title, object_title, actor_title):
        blueprint.add_app_template_filter(function, function.__name__)
