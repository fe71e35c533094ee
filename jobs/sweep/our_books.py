"""What a sweep finds in our own books, whether the system's directory can be examined or not (G2, D4, D6, E2)."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.systems import Account, InformationSystem
from idm.models.work_orders import STATE_TITLES
from idm.operations.hand_work.work_order_notices import overdue_orders
from idm.operations.stops.unreached import found_late
from idm.operations.sweep.findings import Found
from idm.policy import Policy
from idm.queries.passwords.temporary_passwords import OverdueRow, overdue_temporaries
from idm.queries.privileged.owners import waiting_for_hand_change, without_owner
from idm.queries.privileged.shared_ids import users_gone
from idm.queries.privileged.uses import overdue_reports
from idm.queries.privileged.vault_status import STANDING_TITLES, URGENT, kept_rows
from idm.queries.reviews.review_lines import still_to_change
from idm.vocabulary import AccountKind, FindingKind


def found_in_our_books(session: Session, system: InformationSystem, *, policy: Policy, now: datetime) -> list[Found]:
    """Work, reports and passwords that should have been done or changed by now, of one system."""
    return [
        *_overdue_work(session, system, now),
        *_overdue_reports(session, system, now),
        *_overdue_temporaries(session, system, now),
        *_overdue_rotations(session, system, policy, now),
        *_changes_by_hand(session, system),
        *_without_owner(session, system, now),
        *_shared_with_departed(session, system, now),
        *_unchanged(session, system),
        *found_late(session, system.id, now=now),
    ]


def _overdue_work(session: Session, system: InformationSystem, now: datetime) -> Iterator[Found]:
    for order in overdue_orders(session, now=now, system_id=system.id):
        yield Found(
            FindingKind.WORK_OVERDUE, f"work-order:{order.id}", order.account.login_name, order.account_id,
            {"reason": f"指示書 {order.number}（{STATE_TITLES[order.state]}）", "due_at": order.due_at.isoformat()},
        )  # fmt: skip


def _overdue_reports(session: Session, system: InformationSystem, now: datetime) -> Iterator[Found]:
    for use in overdue_reports(session, now):
        if use.system_id == system.id and use.report_due_at is not None:
            what = "緊急の利用" if use.emergency else "利用"
            yield Found(
                FindingKind.REPORT_OVERDUE, f"use:{use.id}", use.account.login_name, use.account_id,
                {
                    "reason": f"特権の{what}の作業報告が、期限を過ぎても出ていません。",
                    "repair": "利用した人に、作業報告を出してもらう", "due_at": use.report_due_at.isoformat(),
                },
            )  # fmt: skip


def _changes_by_hand(session: Session, system: InformationSystem) -> Iterator[Found]:
    for row in waiting_for_hand_change(session, system.id):
        yield Found(
            FindingKind.ROTATION_OVERDUE, f"by-hand:{row.id}", row.found.login_name, row.account_id,
            {
                "reason": "使う人・知りうる人が減りましたが、預かっていないパスワードが変更されていません。",
                "repair": "手作業で変更し、登録の画面で「変更した」を押す",
                "due_at": row.change_due_since.isoformat() if row.change_due_since is not None else None,
            },
        )  # fmt: skip


def _without_owner(session: Session, system: InformationSystem, now: datetime) -> Iterator[Found]:
    for row in without_owner(session, day_of(now), system_id=system.id):
        yield Found(
            FindingKind.OWNER_GONE, f"registered:{row.id}", row.found.login_name, row.account_id,
            {
                "reason": f"管理責任者の{row.owner.name}さんが、離職したか、引き受けたときの課を離れています。",
                "repair": "新しい管理責任者を申し出る。不要なら登録を終える",
            },
        )  # fmt: skip


def _shared_with_departed(session: Session, system: InformationSystem, now: datetime) -> Iterator[Found]:
    for grant in users_gone(session, system.id, now=now):
        who = grant.account.person.name if grant.account.person is not None else grant.account.login_name
        yield Found(
            FindingKind.SHARED_USER_LEFT, f"grant:{grant.id}", grant.entitlement.name, grant.account_id,
            {
                "reason": f"{who}さんは離職したか、この権限の職を離れましたが、共用IDの利用者に残っています。",
                "repair": "日次の処理が止まっていないか確かめる（処理が終われば利用者から外れ、パスワードが変わる）",
            },
        )  # fmt: skip


def _unchanged(session: Session, system: InformationSystem) -> Iterator[Found]:
    for line in still_to_change(session, system.id):
        yield Found(
            FindingKind.CHANGE_DUE, f"review-line:{line.id}", line.grant.account.login_name, line.grant.account_id,
            {
                "reason": f"棚卸し「{line.campaign.title}」で、{line.holder.name}さんの"
                          f"「{line.grant.entitlement.name}」は変更が必要とされました（{line.reason}）。",
                "repair": "所属の課長に確かめ、変更又は廃止を申請してもらう",
                "entitlement": line.grant.entitlement_id,
            },
        )  # fmt: skip


def _overdue_temporaries(session: Session, system: InformationSystem, now: datetime) -> Iterator[Found]:
    for row in overdue_temporaries(session, now=now, system_id=system.id):
        yield Found(
            FindingKind.TEMPORARY_OVERDUE, f"handover:{row.handover_id}", row.login_name, row.account_id,
            {
                "reason": _of_temporary(row), "repair": "本人に確かめ、仮パスワードを交付し直す",
                "due_at": row.change_by.isoformat(),
            },
        )  # fmt: skip


def _of_temporary(row: OverdueRow) -> str:
    if row.overdue_at is None:
        return (
            "仮パスワードの期限を過ぎましたが、変更されたかどうかを確かめられません。ディレクトリが答えないか、"
            "変更の時刻を記録していません。IDは止めていません。"
        )
    replaced = "IDを止め、だれも知らないものに取り替えました。" if row.replaced_at is not None else ""
    return f"仮パスワードが、決められた時間のうちに変更されませんでした。{replaced}"


def _overdue_rotations(
    session: Session, system: InformationSystem, policy: Policy, now: datetime
) -> Iterator[Found]:  # fmt: skip
    strong = session.scalars(
        select(Account.id).where(Account.system_id == system.id, Account.kind != AccountKind.PERSONAL)
    ).all()
    if not strong:
        return
    rows = kept_rows(session, rotation_days=policy.privileged.rotation_days, now=now, account_ids=strong)
    for row in rows:
        if row.standing in URGENT:
            said = row.on_its_way.error if row.on_its_way is not None and row.on_its_way.error else ""
            yield Found(
                FindingKind.ROTATION_OVERDUE, f"kept:{row.account_id}", row.login_name, row.account_id,
                {
                    "reason": f"預かっているパスワードの{STANDING_TITLES[row.standing]}。{said}",
                    "repair": "変更できない理由を取り除き、「今すぐ変更する」を押す",
                    "due_at": row.due_at.isoformat() if row.due_at is not None else None,
                },
            )  # fmt: skip
