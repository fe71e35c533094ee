"""The register of people outside HR (外部者登録簿): registered with a sponsor and an end, renewed, ended (A11, A12).

Registering gives no right: rights are asked for by application like everybody's. Whoever is known already is joined to
their own row, so that the separation of duties sees one human (SOD-5), and brings no right of an earlier time along.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of, holds
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.grant_state import EndReason, GrantState
from idm.models.people import Assignment, Employment, Person
from idm.models.systems import RetiredName
from idm.names.personal_names import match_key, search_key
from idm.operations.factors import factor_gate
from idm.operations.outsiders import sponsorship
from idm.operations.outsiders.outside_authority import for_anyone, person_acting, require_for_units, require_not_oneself
from idm.operations.outsiders.outside_end import record, shorten, tell_directories
from idm.operations.outsiders.outside_entry import NewPerson, check
from idm.operations.outsiders.sponsorship import Answering, open_sponsorship
from idm.operations.rights import grants
from idm.operations.rights.accounts import schedule
from idm.permissions import Action
from idm.personnel.outside_rules import Period, next_number, require_end
from idm.policy import Policy
from idm.queries.outsiders.contracts import find_contract, period_under
from idm.queries.outsiders.outside_scope import units_of_person
from idm.written_text import written


def register_person(
    session: Session, wanted: NewPerson, *, match_secret: bytes, actor: Actor, policy: Policy, now: datetime
) -> Employment:
    """Afterwards the person is in the register under a number of their own, and a sponsor is asked to answer.

    Raises what `idm.operations.outsiders.outside_entry.check` raises.
    """
    checked = check(session, wanted, match_secret=match_secret, actor=actor, policy=policy, now=now)
    person = checked.joins or _new_person(checked.wanted, now)
    if wanted.birth_date is not None and person.match_key is None:
        person.match_key = match_key(wanted.kana, wanted.birth_date, match_secret)
    person.mail = person.mail or checked.wanted.mail
    if checked.joins is not None:
        _bring_nothing_along(session, person, checked.wanted.valid_from, actor=actor, policy=policy, now=now)
    employment = Employment(
        person=person, staff_number=_next_number(session, policy), kind=wanted.kind, valid_from=wanted.valid_from,
        valid_until=wanted.valid_until, contract_id=wanted.contract_id,
    )  # fmt: skip
    employment.assignments.append(
        Assignment(unit=checked.unit, post=checked.wanted.post, primary=True, valid_from=wanted.valid_from)
    )
    session.add(employment)
    session.flush()
    more = {"unit": checked.unit.code, "sponsor": wanted.sponsor_id, "joined": checked.joins is not None,
            "another_person": wanted.another_person}  # fmt: skip
    record(session, "outside.registered", employment, more, actor=actor, policy=policy, now=now)
    answering = Answering(wanted.sponsor_id, checked.unit.code)
    sponsorship.begin(session, employment, answering, actor=actor, policy=policy, now=now)
    if checked.joins is not None:
        # Of a contractor more rights need two kinds of factor than of anybody else (FK 6-5(1)⑦).
        factor_gate.apply_to_people(session, [person.id], actor=actor, policy=policy, now=now)
    return employment


def _new_person(wanted: NewPerson, now: datetime) -> Person:
    return Person(
        name=wanted.name, kana=wanted.kana, search_key=search_key(wanted.name, wanted.kana), mail=None, created_at=now
    )


def _next_number(session: Session, policy: Policy) -> str:
    """Above every number of the register, also of entries that were called off."""
    prefix = policy.outside.number_prefix
    given = session.scalars(select(Employment.staff_number).where(Employment.staff_number.startswith(prefix))).all()
    retired = session.scalars(select(RetiredName.login_name).where(RetiredName.login_name.startswith(prefix))).all()
    return next_number(prefix, [*given, *retired])


def _bring_nothing_along(
    session: Session, person: Person, begins: date, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Rights of an earlier employment end with it: without this, the entry would carry them on unasked (A1)."""
    ends = [one.valid_until for one in person.employments if one.valid_until is not None and one.valid_until <= begins]
    if not ends:
        return
    for grant in session.scalars(grants.live_grants_of([person.id])):
        until = max(max(ends), grant.valid_from)
        if grant.valid_until is None or grant.valid_until > until:
            grant.valid_until = until
            grants.record_grant(session, "grant.end_decided", grant, actor=actor, policy=policy, now=now)
            schedule(session, grant.account, now=now)


def renew(
    session: Session, employment_id: int, valid_until: date, *, actor: Actor, policy: Policy, now: datetime
) -> Employment:
    """Afterwards the entry holds longer, within the profile's days and the contract; contractors' rights do not.

    Raises NotPermitted for anyone but a sponsor who has accepted and HR, IllegalTransition for an entry that is over or
    whose sponsor has not accepted, InvalidInput, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    employment = _entry(session, employment_id)
    require_not_oneself(human, employment.person_id, "登録を更新する")
    _require_going_on(employment, day)
    present = open_sponsorship(session, employment.id)
    if not for_anyone(session, human, day) and (present is None or present.sponsor_id != human.person_id):
        raise NotPermitted("登録を更新できるのは、受入担当者と人事担当者です。")
    if present is None or present.accepted_at is None:
        raise IllegalTransition("受入担当者がまだ引き受けていません。引き受けた後に更新してください。")
    contract = None
    if employment.contract_id is not None:
        contract = period_under(session, find_contract(session, employment.contract_id, lock=True))
    require_end(Period(employment.valid_from, valid_until), policy.outside, contract=contract, day=day)
    if employment.valid_until is None or valid_until <= employment.valid_until:
        problem = "今の終わりの日より後にしてください。早く終わらせるときは「今すぐ終わらせる」を使ってください。"
        raise InvalidInput(problem, fields={"valid_until": problem})
    before, employment.valid_until = employment.valid_until, valid_until
    session.flush()
    tell_directories(session, employment.person_id, now=now)
    record(session, "outside.renewed", employment, {"before": before.isoformat()}, actor=actor, policy=policy, now=now)
    return employment


def end_now(
    session: Session, employment_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> Employment:
    """Afterwards the entry is over and its rights with it, today; one that has not begun is called off.

    Sponsor, HR and the section manager may; the person may not. Raises NotPermitted, IllegalTransition, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    employment = _entry(session, employment_id)
    require_not_oneself(human, employment.person_id, "登録を終わらせる")
    _require_going_on(employment, day)
    reason = written(reason, field="reason", empty="終わらせる理由を書いてください。")
    present = open_sponsorship(session, employment.id)
    if present is None or present.sponsor_id != human.person_id:
        units = units_of_person(session, employment.person_id, day)
        require_for_units(session, human, Action.REGISTER_OUTSIDE, units, day)
    person = employment.person
    record(session, "outside.ended_now", employment, {"reason": reason}, actor=actor, policy=policy, now=now)
    shorten(session, employment, day, why="ended_now", actor=actor, policy=policy, now=now)
    _end_rights(session, person, employment.id, day, actor=actor, policy=policy, now=now)
    return employment


def _end_rights(
    session: Session, person: Person, ended_id: int, day: date, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """An entry of today keeps today as its day; its rights go at once, unless another employment carries them."""
    session.expire(person, ["employments"])
    others = [one for one in person.employments if one.id != ended_id]
    if any(holds(one.valid_from, one.valid_until, day) for one in others):
        return
    coming = any(one.valid_from > day for one in others)
    for grant in session.scalars(grants.live_grants_of([person.id])).all():
        if not (coming and grant.state is GrantState.PLANNED):
            grants.end(session, grant, EndReason.LEFT, actor=actor, policy=policy, now=now)


def _require_going_on(employment: Employment, day: date) -> None:
    if employment.valid_until is not None and employment.valid_until <= day:
        raise IllegalTransition("この登録はすでに終わっています。続けるときは、もう一度登録してください。")


def _entry(session: Session, employment_id: int) -> Employment:
    """The entry of the register, as it is now. Raises NotFound for everybody whom HR's files name."""
    employment = session.get(Employment, employment_id, with_for_update=True, populate_existing=True)
    if employment is None or open_sponsorship(session, employment_id) is None:
        raise NotFound("外部者登録簿に、この登録が見つかりません。")
    return employment
