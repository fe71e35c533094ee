"""Who answers for somebody outside HR: a sponsor (受入担当者) of the unit, always one who is here (A12; FK 6-3(2)⑪).

A sponsor who moves or leaves is replaced by the section manager of the unit, or of a unit above, else by HR; whoever
does not accept in time ends the outside person's access. Nobody answers for themselves, and no contractor for anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.employment_kind import OUTSIDE_KINDS
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.outside import Sponsorship
from idm.models.people import Employment, Person
from idm.operations.notification.notices import notify
from idm.operations.outsiders.outside_authority import for_anyone, person_acting, require_for_units, require_not_oneself
from idm.operations.outsiders.outside_end import record, shorten
from idm.permissions import Action
from idm.personnel.unit_tree import upwards
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans
from idm.queries.organisation.units import parents
from idm.queries.outsiders.outside_scope import may_answer, units_of_person
from idm.vocabulary import Role
from idm.wareki import format_wareki

DAY = timedelta(days=1)


@dataclass(frozen=True)
class SponsorshipChanges:
    """How many sponsorships one run replaced, how many entries it ended for want of a sponsor, and how many closed."""

    replaced: int
    ended: int
    closed: int


@dataclass(frozen=True)
class Answering:
    """Who shall answer for an entry, and in the name of which unit."""

    sponsor_id: int
    unit_code: str


def begin(
    session: Session, employment: Employment, answering: Answering, *, actor: Actor, policy: Policy, now: datetime
) -> Sponsorship:
    """Afterwards the sponsor answers for the entry once they accept; whoever names themselves has accepted.

    Raises NotPermitted for the person themselves, InvalidInput for somebody who cannot answer in that unit.
    """
    sponsor_human = humans(session, [answering.sponsor_id])[answering.sponsor_id]
    if sponsor_human.is_one_of(frozenset({employment.person_id})):
        raise NotPermitted("自分が自分の受入担当者になることはできません。")
    if not may_answer(session, answering.sponsor_id, answering.unit_code, day_of(now)):
        problem = "受入担当者は、受け入れる課に所属する職員（外部者を除く）から選んでください。"
        raise InvalidInput(problem, fields={"sponsor_id": problem})
    return _open(session, employment, answering, actor=actor, policy=policy, now=now)


def _open(
    session: Session, employment: Employment, answering: Answering, *, actor: Actor, policy: Policy, now: datetime
) -> Sponsorship:
    accepts = actor.person_id == answering.sponsor_id
    sponsorship = Sponsorship(
        employment_id=employment.id, person_id=employment.person_id, sponsor_id=answering.sponsor_id,
        unit_code=answering.unit_code, since=now, accepted_at=now if accepts else None,
        accepted_by_id=actor.person_id if accepts else None,
        accept_by=None if accepts else day_of(now) + timedelta(days=policy.outside.handover_days),
    )  # fmt: skip
    session.add(sponsorship)
    session.flush()
    more = {"sponsor": sponsorship.sponsor_id, "unit": sponsorship.unit_code, "accepted": accepts}
    record(session, "sponsorship.named", employment, more, actor=actor, policy=policy, now=now)
    if sponsorship.accept_by is not None:
        _ask(session, sponsorship, sponsorship.accept_by, now=now)
    return sponsorship


def open_sponsorship(session: Session, employment_id: int) -> Sponsorship | None:
    """The one that is open, as it is now, until this transaction ends."""
    return session.scalar(
        select(Sponsorship)
        .where(Sponsorship.employment_id == employment_id, Sponsorship.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def accept(session: Session, sponsorship_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Sponsorship:
    """Afterwards the sponsor answers for the person. Raises NotPermitted, IllegalTransition, NotFound."""
    day = day_of(now)
    human = person_acting(session, actor, day)
    sponsorship = session.get(Sponsorship, sponsorship_id, with_for_update=True, populate_existing=True)
    if sponsorship is None:
        raise NotFound("受入担当の記録が見つかりません。")
    require_not_oneself(human, sponsorship.person_id, "受入れを引き受ける")
    if sponsorship.sponsor_id != human.person_id:
        raise NotPermitted("受入れを引き受けることができるのは、指名された受入担当者本人だけです。")
    if sponsorship.ended_at is not None or sponsorship.accepted_at is not None:
        raise IllegalTransition("この受入れは、すでに引き受けられたか、ほかの人に引き継がれています。")
    if sponsorship.accept_by is not None and day > sponsorship.accept_by:
        raise IllegalTransition("引受けの期限を過ぎたため、この人の利用は終わりました。もう一度登録してください。")
    if not may_answer(session, human.person_id, sponsorship.unit_code, day):
        raise NotPermitted("この課に所属していないため、受入れを引き受けることはできません。")
    sponsorship.accepted_at, sponsorship.accepted_by_id = now, human.person_id
    session.flush()
    more = {"sponsor": sponsorship.sponsor_id, "unit": sponsorship.unit_code}
    record(session, "sponsorship.accepted", sponsorship.employment, more, actor=actor, policy=policy, now=now)
    return sponsorship


def name_first(
    session: Session, employment_id: int, *, sponsor_id: int, actor: Actor, policy: Policy, now: datetime
) -> Sponsorship:
    """Afterwards somebody is asked to answer for one who came outside the register (a personnel file, a migration).

    Raises NotPermitted for another unit's and for oneself, InvalidInput for whoever has no end or needs no sponsor,
    IllegalTransition where somebody answers already, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    employment = session.get(Employment, employment_id, with_for_update=True, populate_existing=True)
    if employment is None:
        raise NotFound("外部者の任用が見つかりません。")
    require_not_oneself(human, employment.person_id, "受入担当者を決める")
    units = sorted(units_of_person(session, employment.person_id, day))
    require_for_units(session, human, Action.REGISTER_OUTSIDE, units, day)
    has_end = employment.valid_until is not None and employment.valid_until > day
    if employment.kind not in OUTSIDE_KINDS or not has_end or not units:
        raise InvalidInput("受入担当者を決められるのは、所属と終わりの日のある、今いる外部者だけです。")
    if open_sponsorship(session, employment_id) is not None:
        raise IllegalTransition("受入担当者はすでに決まっています。その登録の画面で変えてください。")
    unit = next((code for code in units if may_answer(session, sponsor_id, code, day)), units[0])
    return begin(session, employment, Answering(sponsor_id, unit), actor=actor, policy=policy, now=now)


def hand_to(
    session: Session, employment_id: int, *, sponsor_id: int, actor: Actor, policy: Policy, now: datetime
) -> Sponsorship:
    """Afterwards another person of the unit is asked to answer; until they accept, the deadline runs.

    Raises NotPermitted for anyone but the sponsor and HR, InvalidInput, IllegalTransition, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    present = open_sponsorship(session, employment_id)
    if present is None:
        raise NotFound("受入担当者のいる外部者の登録が見つかりません。")
    require_not_oneself(human, present.person_id, "受入担当者を変える")
    if present.sponsor_id != human.person_id and not for_anyone(session, human, day):
        raise NotPermitted("受入担当者を変えることができるのは、今の受入担当者と人事担当者です。")
    employment = present.employment
    if employment.valid_until is not None and employment.valid_until <= day:
        raise IllegalTransition("この登録はすでに終わっています。")
    if sponsor_id == present.sponsor_id:
        problem = "今の受入担当者です。別の人を選んでください。"
        raise InvalidInput(problem, fields={"sponsor_id": problem})
    units = sorted(units_of_person(session, present.person_id, day) | {present.unit_code})
    unit = next((code for code in units if may_answer(session, sponsor_id, code, day)), units[0])
    _end(session, present, "引継ぎ", now=now)
    return begin(session, employment, Answering(sponsor_id, unit), actor=actor, policy=policy, now=now)


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> SponsorshipChanges:
    """Afterwards whoever answers is here and in their unit, and nobody waits for an acceptance that is overdue.

    Entries that are over have no open sponsorship. Running it twice on one day changes nothing the second time.
    """
    day = day_of(now)
    replaced = ended = closed = 0
    query = select(Sponsorship).where(Sponsorship.ended_at.is_(None)).order_by(Sponsorship.id).with_for_update()
    for sponsorship in session.scalars(query.execution_options(populate_existing=True)).all():
        until = sponsorship.employment.valid_until
        if until is not None and until <= day:
            _end(session, sponsorship, "登録の終了", now=now)
            closed += 1
        elif _overdue(sponsorship, day):
            _end_for_want_of_a_sponsor(session, sponsorship, actor=actor, policy=policy, now=now)
            ended += 1
        elif not may_answer(session, sponsorship.sponsor_id, sponsorship.unit_code, day):
            replaced += _replace(session, sponsorship, actor=actor, policy=policy, now=now)
    session.flush()
    return SponsorshipChanges(replaced, ended, closed)


def _overdue(sponsorship: Sponsorship, day: date) -> bool:
    unaccepted = sponsorship.accepted_at is None and sponsorship.accept_by is not None
    return unaccepted and sponsorship.accept_by is not None and day > sponsorship.accept_by


def _end_for_want_of_a_sponsor(
    session: Session, sponsorship: Sponsorship, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    employment, deadline = sponsorship.employment, sponsorship.accept_by or day_of(now)
    name, sponsor_id, unit_code = employment.person.name, sponsorship.sponsor_id, sponsorship.unit_code
    _end(session, sponsorship, "期限までに引き受けられなかった", now=now)
    shorten(session, employment, deadline + DAY, why="no_sponsor", actor=actor, policy=policy, now=now)
    told = {sponsor_id, *_section_managers(session, unit_code, day_of(now)), *_hr(session, day_of(now))}
    notify(
        session, told, now=now, link="/outside", urgent=True,
        subject="【利用の終了】受入担当者が引き受けなかった外部者",
        body=f"{name} さんの受入れが{format_wareki(deadline)}までに引き受けられなかったため、利用を終わらせました。"
        "引き続き必要なときは、外部者登録簿にもう一度登録してください。",
    )  # fmt: skip


def _replace(session: Session, sponsorship: Sponsorship, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """1 when somebody else is asked now, or the deadline begins to run for want of anybody; else 0."""
    employment = sponsorship.employment
    answering = next(_successors(session, sponsorship, day_of(now)), None)
    if answering is not None:
        _end(session, sponsorship, "受入担当者の異動又は退職", now=now)
        _open(session, employment, answering, actor=actor, policy=policy, now=now)
        _tell_hr(session, employment.person, answering, now=now)
        return 1
    if sponsorship.accept_by is not None and sponsorship.accepted_at is None:
        return 0
    sponsorship.accepted_at = sponsorship.accepted_by_id = None
    sponsorship.accept_by = day_of(now) + timedelta(days=policy.outside.handover_days)
    record(session, "sponsorship.vacant", employment, {"sponsor": sponsorship.sponsor_id},
           actor=actor, policy=policy, now=now)  # fmt: skip
    return 1


def _successors(session: Session, sponsorship: Sponsorship, day: date) -> Iterator[Answering]:
    """Who could answer instead: managers from the person's own unit upwards, then HR; nobody for themselves."""
    units = sorted(units_of_person(session, sponsorship.person_id, day)) or [sponsorship.unit_code]
    above = parents(session)
    ladder = list(dict.fromkeys(code for unit in units for code in upwards(unit, above)))
    found = [Answering(person, unit) for unit in ladder for person in holders(session, Role.SECTION, unit, day)]
    found += [Answering(person, unit) for person in _hr(session, day)
              for unit in sorted(units_of_person(session, person, day))]  # fmt: skip
    for answering in found:
        human = humans(session, [answering.sponsor_id])[answering.sponsor_id]
        if not human.is_one_of(frozenset({sponsorship.person_id})) and may_answer(
            session, answering.sponsor_id, answering.unit_code, day
        ):
            yield answering


def _end(session: Session, sponsorship: Sponsorship, reason: str, *, now: datetime) -> None:
    sponsorship.ended_at, sponsorship.end_reason = now, reason
    session.flush()


def _hr(session: Session, day: date) -> list[int]:
    return holders(session, Role.HR, None, day)


def _section_managers(session: Session, unit_code: str, day: date) -> set[int]:
    ladder = upwards(unit_code, parents(session))
    return {person for unit in ladder for person in holders(session, Role.SECTION, unit, day)}


def _ask(session: Session, sponsorship: Sponsorship, deadline: date, *, now: datetime) -> None:
    person = session.get_one(Person, sponsorship.person_id)
    notify(
        session, [sponsorship.sponsor_id], now=now, link=f"/outside/{sponsorship.employment_id}", asks=True,
        subject="【引受けの依頼】外部者の受入担当",
        body=f"{person.name} さんの受入担当者に指名されました。{format_wareki(deadline)}までに引き受けてください。"
        "引き受けないと、この人の利用はその日で終わります。",
    )  # fmt: skip


def _tell_hr(session: Session, person: Person, answering: Answering, *, now: datetime) -> None:
    sponsor = session.get_one(Person, answering.sponsor_id)
    others = [officer for officer in _hr(session, day_of(now)) if officer != answering.sponsor_id]
    notify(
        session, others, now=now, link="/outside", subject="【受入担当者の交代】異動又は退職による引継ぎ",
        body=f"{person.name} さんの受入担当者を {sponsor.name} さんに引き継ぎ、引受けを依頼しました。",
    )  # fmt: skip
