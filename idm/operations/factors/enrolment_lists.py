"""The list of who is enrolled in the product that verifies factors, taken over: our read-back there (controls B1, B2).

It says what the product asks of whom, for one moment. Who no longer stands in it is held back at once; who newly does
is let in, when what our register knows of them fits. Nothing of it is a decision about a right.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.database import in_chunks
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotPermitted, SafetyLimit, SameListAgain
from idm.factors.authenticator_state import AuthenticatorEvent, AuthenticatorState, after
from idm.factors.enrolment_comparison import Compared, Comparison, Moment, Standing, compare, too_many
from idm.factors.enrolment_list import Enrolled, read_enrolments
from idm.models.authenticators import Authenticator, AuthenticatorUse, EnrolmentListImport, FactorReading
from idm.models.systems import InformationSystem
from idm.operations.factors import factor_gate
from idm.organisation import EnrolmentShape
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.factors.enrolment_lists import booked_of, newest_import, repeated, spoken_day, verification_of
from idm.queries.organisation.officers import contracted, humans, roles_of
from idm.queries.organisation.reach import systems_reached
from idm.step_up import require_fresh_factor
from idm.vocabulary import AuthenticatorKind
from idm.wareki import format_wareki

LONGEST_NAME = 255


@dataclass(frozen=True)
class SentEnrolments:
    """What somebody sent: of which system, for which moment it speaks, under which name, and the bytes.

    `shown`: the digest of the file beside which they saw the register; None = they send and take over in one act.
    """

    system_id: int
    made_on: datetime
    file_name: str
    content: bytes
    shown: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hex."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True)
class TakenOver:
    """The list, how it compared, and how many rights were held back or given again because of it."""

    record: EnrolmentListImport
    comparison: Comparison
    changed: int


def moment_of_day(day: date, *, now: datetime) -> datetime:
    """The moment for which a list of that day speaks: the day's end, or now where that comes first."""
    end = start_of(day + timedelta(days=1))
    return min(end, now) if day <= day_of(now) else end


def look(session: Session, sent: SentEnrolments, *, actor: Actor, policy: Policy, now: datetime) -> Comparison:
    """How the list compares and what it would do, without keeping anything of it.

    Raises NotPermitted, InvalidInput for a system that has no such list, FeedRefused.
    """
    require_may_import(session, sent.system_id, actor=actor, policy=policy, now=now)
    system = session.get_one(InformationSystem, sent.system_id)
    return _compared(
        session, sent, read_enrolments(sent.content, shape_of(system)), actor=actor, policy=policy, now=now
    )


def take_over(
    session: Session, sent: SentEnrolments, *, stopping_is_right: int = 0, same_content_is_right: bool = False,
    actor: Actor, policy: Policy, now: datetime,
) -> TakenOver:  # fmt: skip
    """Afterwards the register and the read-backs say what the list shows, and the gate has been judged by them.

    `stopping_is_right`: that many people, somebody says, are rightly stopped by it. `same_content_is_right`: somebody
    says that the product was asked anew and printed what it had printed for another day. Raises NotPermitted,
    FreshFactorNeeded, InvalidInput for a system without such a list and for a moment to come, ContentChanged for
    another file than was shown, FeedRefused, IllegalTransition for a list older than the last or the same again,
    SameListAgain, and SafetyLimit when it would stop more people than the profile lets one list stop and nobody says
    that so many is right.
    """
    require_may_import(session, sent.system_id, actor=actor, policy=policy, now=now)
    system = session.get_one(InformationSystem, sent.system_id, with_for_update=True, populate_existing=True)
    enrolled = read_enrolments(sent.content, shape_of(system))
    _require_shown(sent)
    _require_newest(session, sent, actor, now)
    said = _require_asked_anew(session, sent, same_content_is_right)
    compared = _compared(session, sent, enrolled, actor=actor, policy=policy, now=now)
    said |= _require_not_too_many(compared, stopping_is_right, policy)
    record = EnrolmentListImport(
        system_id=system.id, file_name=sent.file_name[:LONGEST_NAME], digest=sent.digest, made_on=sent.made_on,
        imported_at=now, imported_by_id=actor.person_id, unknown=compared.count(Standing.UNKNOWN),
        people=sum(1 for one in compared.lines if one.lines and one.account_id is not None),
    )  # fmt: skip
    session.add(record)
    session.flush()
    ours = [one for one in compared.lines if one.account_id is not None]
    _write_readings(session, record, ours)
    _write_uses(session, record, ours, actor=actor, now=now)
    for one in ours:
        _record_person(session, record, one, actor=actor, policy=policy, now=now)
    accounts = [one.account_id for one in ours if one.account_id is not None]
    changed = factor_gate.apply(session, accounts, actor=actor, policy=policy, now=now)
    _record(session, record, compared, changed, said, actor=actor, policy=policy, now=now)
    return TakenOver(record, compared, changed)


def shape_of(system: InformationSystem) -> EnrolmentShape:
    """What the list of the system's product looks like. Raises InvalidInput where nobody has said so."""
    verification = verification_of(system)
    if verification is None or verification.listing is None:
        raise InvalidInput(
            f"「{system.name}」の登録者一覧の形（団体の設定の [systems.verification.listing]）が決まっていません。"
            "情報セキュリティ責任者に、設定の変更を提案してもらってください。",
            fields={"system": "登録者一覧を取り込めない情報システムです"},
        )
    return verification.listing


def require_may_import(session: Session, system_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the actor may bring lists of this system: a command may, which opens nothing (`Moment.importer`).

    Raises NotPermitted, FreshFactorNeeded.
    """
    if actor.person_id is None:
        return
    day = day_of(now)
    require(roles_of(session, actor.person_id, day), Action.UPLOAD_ENROLMENTS)
    if contracted(session, humans(session, [actor.person_id])[actor.person_id].rows, day):
        raise NotPermitted("委託事業者は登録者一覧を取り込めません。")
    if system_id not in systems_reached(session, actor.person_id, Action.UPLOAD_ENROLMENTS, day):
        raise NotPermitted("あなたの所管する情報システムではありません。所管課の担当者に頼んでください。")
    require_fresh_factor(actor, policy=policy, now=now)


def _compared(
    session: Session, sent: SentEnrolments, enrolled: tuple[Enrolled, ...], *, actor: Actor, policy: Policy,
    now: datetime,
) -> Comparison:  # fmt: skip
    moment = Moment(
        made_on=sent.made_on, now=now, longest=timedelta(days=policy.factors.readback_days),
        importer=humans(session, [actor.person_id])[actor.person_id].rows if actor.person_id else None,
    )  # fmt: skip
    return compare(enrolled, booked_of(session, sent.system_id, policy=policy, now=now), moment)


def _require_shown(sent: SentEnrolments) -> None:
    if sent.shown is not None and sent.shown != sent.digest:
        raise ContentChanged(
            "突き合わせを表示したファイルと違うため、何も変えていません。このファイルの突き合わせを確かめてから、"
            "同じファイルを選んで取り込んでください。"
        )


def _require_asked_anew(session: Session, sent: SentEnrolments, same_content_is_right: bool) -> dict[str, int]:
    """Afterwards the list is no old one under a new date, as far as anybody can know; what was said, for the record."""
    earlier = repeated(session, sent.system_id, sent.digest, sent.made_on)
    if earlier is None:
        return {}
    if not same_content_is_right:
        raise SameListAgain(
            f"{format_wareki(spoken_day(earlier.made_on))}現在の一覧と中身がまったく同じため、取り込んでいません。"
            "前のファイルを選んでいないか確かめてください。製品から出力し直しても同じであれば、画面ではそのことにチェックを"
            "付け、コマンドでは idm factors import に --same-content-is-right を付けて取り込んでください。"
        )
    return {"same_content_as": earlier.id}


def _require_newest(session: Session, sent: SentEnrolments, actor: Actor, now: datetime) -> None:
    if sent.made_on > now:
        message = "まだ来ていない日時です。一覧を出力した日時を書いてください。"
        raise InvalidInput(message, fields={"made_on": message})
    newest = newest_import(session, sent.system_id)
    if newest is None:
        return
    if newest.made_on > sent.made_on:
        raise IllegalTransition(
            f"この一覧（{format_wareki(spoken_day(sent.made_on))}現在）より新しい一覧"
            f"（{format_wareki(spoken_day(newest.made_on))}現在）がすでに取り込まれています。"
            "新しく出力した一覧を取り込んでください。"
        )
    if (newest.digest, newest.made_on, newest.imported_by_id) == (sent.digest, sent.made_on, actor.person_id):
        raise IllegalTransition("同じ日時の同じファイルを、すでに取り込んでいます。何も変えていません。")


def _require_not_too_many(compared: Comparison, stopping_is_right: int, policy: Policy) -> dict[str, int]:
    """Afterwards the list stops few, or somebody said that so many is right; what was said, for the record."""
    if not too_many(compared.stopped, compared.in_effect, policy.factors):
        return {}
    if compared.stopped <= stopping_is_right:
        return {"stopping_is_right": stopping_is_right}
    raise SafetyLimit(
        f"この一覧を取り込むと、いま利用している {compared.in_effect} 人のうち {compared.stopped} 人の利用が"
        "止まるため、取り込んでいません。一部の端末や一つの課だけを出力したものでないか確かめ、"
        "全体の一覧を出力し直してください。本当に登録がなくなっているのであれば、画面では件数を確かめてチェックを"
        "付け、コマンドでは idm factors import に --missing-is-right を付けて取り込んでください。"
    )


def _write_readings(session: Session, record: EnrolmentListImport, compared: list[Compared]) -> None:
    known = {
        reading.account_id: reading
        for reading in session.scalars(
            select(FactorReading).where(FactorReading.account_id.in_([one.account_id for one in compared]))
        )
    }
    for one in compared:
        if one.reading is None or one.account_id is None:
            continue
        reading = known.get(one.account_id) or FactorReading(account_id=one.account_id)
        reading.required, reading.read_at = one.reading.required, one.reading.read_at
        reading.kinds = sorted(kind.value for kind in one.reading.kinds or ())
        reading.list_import_id = record.id
        session.add(reading)
    session.flush()


def _write_uses(
    session: Session, record: EnrolmentListImport, compared: list[Compared], *, actor: Actor, now: datetime
) -> None:
    """Afterwards the register has what people newly are enrolled with here, and no longer what they are not."""
    for one in compared:
        for kind in sorted(one.registers):
            authenticator = _registered(session, one.person_id or 0, kind, actor=actor, now=now)
            authenticator.uses = [_use(record, now)]
        session.add_all(
            _use(record, now, authenticator_id=item.authenticator_id) for item in one.opens
        )  # fmt: skip
    _close(session, {item.authenticator_id for one in compared for item in one.closes}, record.system_id, now)
    session.flush()


def _use(record: EnrolmentListImport, now: datetime, **of: int) -> AuthenticatorUse:
    return AuthenticatorUse(system_id=record.system_id, since=now, list_import_id=record.id, **of)


def _record_person(
    session: Session, record: EnrolmentListImport, one: Compared, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    if one.standing is Standing.AGREES or one.person_id is None:
        return
    audit.record(
        session, action="enrolment_list.read", actor=actor, obj=("account", str(one.account_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "system": record.system_id, "person": one.person_id, "list": record.id,
            "required": one.reading.required if one.reading is not None else None,
            "enrolled": sorted(kind.value for kind in one.kinds),
            "registered": sorted(kind.value for kind in one.registers),
            "opened": sorted(item.authenticator_id for item in one.opens),
            "closed": sorted(item.authenticator_id for item in one.closes),
            "stops": one.stops,
        },
    )  # fmt: skip


def _registered(
    session: Session, person_id: int, kind: AuthenticatorKind, *, actor: Actor, now: datetime
) -> Authenticator:
    """Something the register did not know of; who brought the list answers for it."""
    authenticator = Authenticator(
        person_id=person_id, kind=kind, state=after(AuthenticatorState.ISSUED, AuthenticatorEvent.ACTIVATE),
        issued_at=now, issued_by_id=actor.person_id, activated_at=now, activated_by_id=actor.person_id,
    )  # fmt: skip
    session.add(authenticator)
    return authenticator


def _close(session: Session, authenticator_ids: set[int], system_id: int, now: datetime) -> None:
    for some in in_chunks(sorted(authenticator_ids)):
        open_uses = session.scalars(
            select(AuthenticatorUse).where(
                AuthenticatorUse.authenticator_id.in_(some),
                AuthenticatorUse.system_id == system_id,
                AuthenticatorUse.until.is_(None),
            )
        )
        for use in open_uses:
            use.until = now


def _record(
    session: Session, record: EnrolmentListImport, compared: Comparison, changed: int, said: dict[str, int], *,
    actor: Actor, policy: Policy, now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action="enrolment_list.taken_over", actor=actor, obj=("enrolment_list", str(record.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "system": record.system_id, "sha256": record.digest, "made_on": record.made_on.isoformat(),
            "people": record.people, "unknown": record.unknown, "missing": compared.count(Standing.MISSING),
            "stopped": compared.stopped, "in_effect": compared.in_effect, "changed_rights": changed, **said,
        },
    )  # fmt: skip
