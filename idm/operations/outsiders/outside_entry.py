"""What an entry in the register of people outside HR must say, checked before anything is written (A11, A12)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of, overlap
from idm.employment_kind import OUTSIDE_KINDS, EmploymentKind
from idm.errors import InvalidInput, NotPermitted
from idm.mail_address import LONGEST, MAIL_ADDRESS
from idm.models.outside import Contract
from idm.models.people import Employment, OrganisationUnit, Person
from idm.names.personal_names import fold, has_private_use, match_key, search_key
from idm.operations.outsiders.contracts import one_line
from idm.operations.outsiders.outside_authority import person_acting, require_for_units
from idm.permissions import Action
from idm.personnel.outside_rules import Period, require_period
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.units import unit_on
from idm.queries.outsiders.contracts import find_contract, period_under
from idm.queries.outsiders.outside_scope import may_answer
from idm.separation_of_duties import Human


@dataclass(frozen=True)
class NewPerson:
    """An entry as it is asked for. The birth date is kept only as a keyed hash.

    `same_person_id` joins the entry to somebody known; `another_person` says that whoever has the same name is not.
    """

    name: str
    kana: str
    kind: EmploymentKind
    unit_code: str
    post: str
    sponsor_id: int
    valid_from: date
    valid_until: date
    birth_date: date | None = None
    contract_id: int | None = None
    same_person_id: int | None = None
    another_person: bool = False
    mail: str | None = None


@dataclass(frozen=True)
class Checked:
    """What registering would do. `joins` is the known person to whom the entry will belong."""

    wanted: NewPerson
    unit: OrganisationUnit
    sponsor: Person
    contract: Contract | None
    joins: Person | None


class KnownAlready(InvalidInput):
    """Somebody on record may be the same human: whoever registers says whether they are (SOD-5).

    `certain`: kana and birth date agree, so that only joining is possible.
    """

    code = "KNOWN-ALREADY"

    def __init__(self, people: tuple[PersonCard, ...], *, certain: bool) -> None:
        who = "、".join(f"{card.name}（{card.staff_number or '番号なし'} {card.unit or ''}）" for card in people)
        what = "カナ氏名と生年月日が同じ人" if certain else "氏名とカナ氏名が同じ人"
        told = f"{what}がすでに記録されています：{who}。同じ人なら、その人の記録につなげて登録してください。"
        if not certain:
            told += "別の人なら、別の人であることを確かめて登録してください。"
        super().__init__(told, fields={"same_person_id": told})
        self.people, self.certain = people, certain


def check(
    session: Session, wanted: NewPerson, *, match_secret: bytes, actor: Actor, policy: Policy, now: datetime
) -> Checked:
    """The entry as it would be registered; nothing is changed.

    Raises KnownAlready, InvalidInput at the fields, NotPermitted (not one's own unit, oneself, a contractor), NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    wanted = _as_written(wanted)
    unit = unit_on(session, wanted.unit_code, max(wanted.valid_from, day))
    if unit is None:
        raise InvalidInput("所属する課が見つかりません。", fields={"unit_code": "今ある課を選んでください"})
    require_for_units(session, human, Action.REGISTER_OUTSIDE, [unit.code], day)
    _require_post(wanted, policy)
    contract = _contract(session, wanted, human, day)
    period = Period(wanted.valid_from, wanted.valid_until)
    under = period_under(session, contract) if contract is not None else None
    require_period(period, policy.outside, contract=under, day=day)
    key = match_key(wanted.kana, wanted.birth_date, match_secret) if wanted.birth_date is not None else None
    _require_not_oneself(session, wanted, human, key)
    joins = _joined(session, wanted, key, day)
    if joins is not None:
        _require_not_employed(session, joins, period, day)
    return Checked(wanted, unit, _sponsor(session, wanted, joins, day), contract, joins)


def _as_written(wanted: NewPerson) -> NewPerson:
    name, kana = one_line(wanted.name, "name", "氏名"), one_line(wanted.kana, "kana", "カナ氏名")
    if not fold(kana):
        raise InvalidInput("カナ氏名を入れてください。", fields={"kana": "カナ氏名を入れてください"})
    for field, text in (("name", name), ("kana", kana)):
        if has_private_use(text):
            problem = "外字が含まれています。代わりの文字で入れてください。"
            raise InvalidInput(problem, fields={field: problem})
    mail = (wanted.mail or "").strip() or None
    if mail is not None and (len(mail) > LONGEST or not MAIL_ADDRESS.fullmatch(mail)):
        raise InvalidInput("メールアドレスを確かめてください。", fields={"mail": "メールアドレスを確かめてください"})
    return replace(wanted, name=name, kana=kana, post=one_line(wanted.post, "post", "職", longest=64), mail=mail)


def _require_post(wanted: NewPerson, policy: Policy) -> None:
    if wanted.kind not in OUTSIDE_KINDS:
        problem = "外部者登録簿に登録できるのは、人事データにない人（派遣・議員・委員・委託事業者・その他）だけです。"
        raise InvalidInput(problem, fields={"kind": problem})
    if wanted.post in {seat.post for seat in policy.seats}:
        problem = f"「{wanted.post}」は責任者の職です。外部者には割り当てられません。"
        raise InvalidInput(problem, fields={"post": problem})


def _contract(session: Session, wanted: NewPerson, human: Human, day: date) -> Contract | None:
    """The contract as it is now, until this transaction ends: nobody is registered under one that is being ended."""
    if wanted.contract_id is None:
        if wanted.kind is EmploymentKind.CONTRACTOR:
            problem = "委託事業者には契約が必要です。先に契約を登録してください。"
            raise InvalidInput(problem, fields={"contract_id": problem})
        return None
    contract = find_contract(session, wanted.contract_id, lock=True)
    require_for_units(session, human, Action.REGISTER_OUTSIDE, [contract.unit_code], day)
    return contract


def _require_not_oneself(session: Session, wanted: NewPerson, human: Human, key: str | None) -> None:
    own = session.scalars(select(Person).where(Person.id.in_(human.rows))).all()
    same_name = search_key(wanted.name, wanted.kana)
    if (
        wanted.same_person_id in human.rows
        or any(key is not None and person.match_key == key for person in own)
        or any(person.search_key == same_name and None in (key, person.match_key) for person in own)
    ):
        raise NotPermitted("自分を外部者として登録することはできません。人事担当者に頼んでください。")


def _joined(session: Session, wanted: NewPerson, key: str | None, day: date) -> Person | None:
    """The known person the entry belongs to, None for somebody new. Raises KnownAlready until that is said."""
    same = _same_key(session, key)
    namesakes = list(_namesakes(session, wanted, key))
    if wanted.same_person_id is None:
        doubtful = same or ([] if wanted.another_person else namesakes)
        if doubtful:
            cards = person_cards(session, [person.id for person in doubtful], day=day)
            raise KnownAlready(tuple(cards[person.id] for person in doubtful), certain=bool(same))
        return None
    joined = next((person for person in (*same, *namesakes) if person.id == wanted.same_person_id), None)
    if joined is None:
        problem = "その人とは、カナ氏名・生年月日（又は氏名）が一致しません。"
        raise InvalidInput(problem, fields={"same_person_id": problem})
    return joined


def _same_key(session: Session, key: str | None) -> list[Person]:
    if key is None:
        return []
    return list(session.scalars(select(Person).where(Person.match_key == key).order_by(Person.id)))


def _namesakes(session: Session, wanted: NewPerson, key: str | None) -> Iterator[Person]:
    """Those of the same name and kana of whom no birth date says that they are somebody else."""
    same_name = search_key(wanted.name, wanted.kana)
    for person in session.scalars(select(Person).where(Person.search_key == same_name).order_by(Person.id)):
        if key is None or person.match_key is None:
            yield person


def _require_not_employed(session: Session, joins: Person, period: Period, day: date) -> None:
    """Whoever is here anyway, under any row, needs no entry; of two at once, one would carry the other's rights on."""
    rows = humans(session, [joins.id])[joins.id].rows
    for one in session.scalars(select(Employment).where(Employment.person_id.in_(rows)).order_by(Employment.id)):
        if overlap(one.valid_from, one.valid_until, period.valid_from, period.valid_until):
            secret = one.published_on is not None and one.published_on > day
            which = "" if secret else f"（{one.staff_number}）"
            problem = (
                f"{joins.name} さんは、その期間に在職している記録{which}があるため登録できません。"
                "外部者の登録なら更新してください。職員なら、退職日が人事データで届いた後に、その翌日から登録してください。"
            )
            raise InvalidInput(problem, fields={"valid_from": problem})


def _sponsor(session: Session, wanted: NewPerson, joins: Person | None, day: date) -> Person:
    sponsor = session.get(Person, wanted.sponsor_id)
    if sponsor is None or not may_answer(session, wanted.sponsor_id, wanted.unit_code, day):
        problem = "受入担当者は、受け入れる課に所属する職員（外部者を除く）から選んでください。"
        raise InvalidInput(problem, fields={"sponsor_id": problem})
    if joins is not None and humans(session, [sponsor.id])[sponsor.id].is_one_of(frozenset({joins.id})):
        raise NotPermitted("自分が自分の受入担当者になることはできません。")
    return sponsor
