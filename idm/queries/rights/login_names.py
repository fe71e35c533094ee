"""Which name each person would get in a system, and which were passed over: previews show it, accounts are made of it.

No other place makes a name. Whoever makes accounts of it holds the lock of `idm.operations.rights.accounts`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import CompoundSelect, exists, func, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.errors import InvalidInput
from idm.models.going_live import FoundAccount
from idm.models.people import Employment, Person
from idm.models.sign_in import SignIn
from idm.models.systems import Account, ChosenName, InformationSystem, RetiredName
from idm.names.account_names import (
    Bar,
    Candidate,
    Limit,
    Source,
    Subject,
    candidates,
    limit_of,
    privileged_candidates,
    refusal_of,
)
from idm.names.latin_names import LatinName, Spelling, latin_name
from idm.organisation import LoginNames
from idm.vocabulary import AccountKind

FIRST_LOOK = 8
"""How many candidates of each person are looked up at once; more only for those who found none of these free."""
NAMES_A_QUERY = 5000


@dataclass(frozen=True)
class Passed:
    """A name that was tried and is not given."""

    name: str
    bar: Bar


@dataclass(frozen=True)
class Proposal:
    """The name somebody would get; `name` None where none can be made, and then `refusal` says why."""

    person_id: int
    name: str | None
    source: Source | None = None
    pattern: str = ""
    latin: LatinName | None = None
    passed: tuple[Passed, ...] = ()
    refusal: InvalidInput | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Holder:
    """Who or what has a name. `system_id` None = it is retired everywhere."""

    bar: Bar
    system_id: int | None
    person_id: int | None


@dataclass
class _Trial:
    """One person's candidates, as far as they have been looked at."""

    subject: Subject
    left: Iterator[Candidate]
    passed: list[Passed] = field(default_factory=list)


def proposals(
    session: Session, system: InformationSystem, days: Mapping[int, date], rule: LoginNames
) -> dict[int, Proposal]:
    """Person → the name they would get in the system now, made in the order of their ids, as if all were made at once.

    `days` says for each person from when on the account is wanted: it decides between two staff numbers.
    """
    limit, found = limit_of(system.connector), {}
    subjects, refused = _subjects(session, system.id, days, rule)
    for person_id, refusal in refused.items():
        found[person_id] = Proposal(person_id, None, refusal=refusal)
    waiting = {person: _Trial(subject, candidates(subject, rule, limit)) for person, subject in subjects.items()}
    claimed: set[str] = set()
    size = FIRST_LOOK
    while waiting:
        tried: dict[int, list[Candidate]] = {}
        for person_id, trial in list(waiting.items()):
            try:
                tried[person_id] = list(islice(trial.left, size))
            except InvalidInput as refusal:
                found[person_id] = Proposal(person_id, None, latin=trial.subject.latin, refusal=refusal)
                del waiting[person_id]
        names = {candidate.name.lower() for listed in tried.values() for candidate in listed if candidate.bar is None}
        used = _holders(session, system.id, names, everywhere=rule.rule == "romaji")
        for name, holder in _found_there(session, system.id, names):
            used[name].append(holder)
        for person_id, listed in tried.items():
            proposal = _first_free(person_id, waiting[person_id], listed, used, claimed, system.id)
            if proposal is None and len(listed) < size:
                proposal = _none_left(person_id, waiting[person_id], limit)
            if proposal is not None:
                found[person_id] = proposal
                claimed.add(proposal.name or "")
                del waiting[person_id]
        size *= 8
    return found


def privileged_proposals(
    session: Session, system: InformationSystem, days: Mapping[int, date], rule: LoginNames
) -> dict[int, Proposal]:
    """Person → the name their privileged ID would get in the system now: that of their daily one behind the prefix.

    Of somebody without a daily one, the name that one would get.
    """
    daily = _daily_names(session, system.id, days)
    without = {person_id: day for person_id, day in days.items() if person_id not in daily}
    found: dict[int, Proposal] = {}
    for person_id, proposal in proposals(session, system, without, rule).items() if without else ():
        if proposal.name is None:
            found[person_id] = proposal
        else:
            daily[person_id] = proposal.name
    limit, numbers = limit_of(system.connector), _staff_numbers(session, days)
    for person_id in sorted(daily):
        listed = privileged_candidates(daily[person_id], numbers.get(person_id), rule, limit)
        trial = _Trial(Subject(numbers.get(person_id, ""), None), iter(()))
        names = {one.name for one in listed if one.bar is None}
        used = _holders(session, system.id, names, everywhere=True)
        for name, holder in _found_there(session, system.id, names):
            used[name].append(holder)
        claimed = {one.name or "" for one in found.values()}
        found[person_id] = _first_free(person_id, trial, listed, used, claimed, system.id) or _none_left(
            person_id, trial, limit
        )
    return found


def _daily_names(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, str]:
    rows = session.execute(
        select(Account.person_id, Account.login_name).where(
            Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == AccountKind.PERSONAL
        )
    )
    return {person_id or 0: name.lower() for person_id, name in rows}


def made_names(
    session: Session, system: InformationSystem, days: Mapping[int, date], rule: LoginNames
) -> dict[int, frozenset[str]]:
    """Person → the names that the rule makes of them in the system, whoever else has them; none with a number behind.

    It is how an account is recognised that was made by the same rule before us: by `sato`, not by `sato-2`.
    """
    limit, found = limit_of(system.connector), {}
    for person_id, subject in _subjects(session, system.id, days, rule)[0].items():
        try:
            tried = takewhile(lambda one: one.source is not Source.NUMBERED, candidates(subject, rule, limit))
            found[person_id] = frozenset(one.name for one in tried if one.source is not Source.CHOSEN)
        except InvalidInput:
            found[person_id] = frozenset()
    return found


def why_barred(session: Session, system_id: int, person_id: int, name: str, rule: LoginNames) -> Bar | None:
    """Who or what stands against the person having the name in the system; None = it is free for them."""
    used = _holders(session, system_id, {name.lower()}, everywhere=rule.rule == "romaji")
    return _bar(used.get(name.lower(), ()), system_id, person_id)


def _first_free(
    person_id: int, trial: _Trial, listed: Collection[Candidate], used: Mapping[str, Collection[_Holder]],
    claimed: Collection[str], system_id: int,
) -> Proposal | None:  # fmt: skip
    for candidate in listed:
        bar = candidate.bar or _bar(used.get(candidate.name, ()), system_id, person_id)
        if bar is None and candidate.name not in claimed:
            return Proposal(
                person_id, candidate.name, candidate.source, candidate.pattern, trial.subject.latin, tuple(trial.passed)
            )
        trial.passed.append(Passed(candidate.name, bar or Bar.TAKEN))
    return None


def _none_left(person_id: int, trial: _Trial, limit: Limit) -> Proposal:
    first = trial.passed[0]
    refusal = refusal_of(first.name, first.bar, limit)
    return Proposal(person_id, None, latin=trial.subject.latin, passed=tuple(trial.passed), refusal=refusal)


def _bar(holders: Collection[_Holder], system_id: int, person_id: int) -> Bar | None:
    """The strongest reason why this person may not have the name that these have."""
    bars = {_bar_of(holder, system_id, person_id) for holder in holders}
    return next((bar for bar in Bar if bar in bars), None)


def _bar_of(holder: _Holder, system_id: int, person_id: int) -> Bar | None:
    if holder.bar is Bar.RETIRED:
        return Bar.RETIRED
    if holder.bar is Bar.SIGN_IN:
        return None if holder.person_id == person_id else Bar.SIGN_IN
    if holder.system_id == system_id:
        own_choice = holder.bar is Bar.CHOSEN and holder.person_id == person_id
        return None if own_choice else holder.bar
    return None if holder.person_id == person_id else Bar.ELSEWHERE


def _holders(session: Session, system_id: int, names: Collection[str], *, everywhere: bool) -> dict[str, list[_Holder]]:
    """Lower-case name → all who have or had it: here, or `everywhere` in the organisation. One query for many names.

    In the system that people sign in with, also whoever signs in to the product by it: one name, one human.
    """
    found: dict[str, list[_Holder]] = defaultdict(list)
    listed = sorted(names)
    for start in range(0, len(listed), NAMES_A_QUERY):
        wanted = listed[start : start + NAMES_A_QUERY]
        for name, kind, where, who in session.execute(_used(system_id, wanted, everywhere=everywhere)):
            found[name].append(_Holder(Bar(kind), where, who))
    return found


def _used(system_id: int, names: list[str], *, everywhere: bool) -> CompoundSelect[Any]:
    accounts = select(
        func.lower(Account.login_name), literal(Bar.TAKEN.value), Account.system_id, Account.person_id
    ).where(func.lower(Account.login_name).in_(names))
    chosen = select(
        func.lower(ChosenName.login_name), literal(Bar.CHOSEN.value), ChosenName.system_id, ChosenName.person_id
    ).where(func.lower(ChosenName.login_name).in_(names))
    if not everywhere:
        accounts, chosen = (
            accounts.where(Account.system_id == system_id),
            chosen.where(ChosenName.system_id == system_id),
        )
    retired = select(
        func.lower(RetiredName.login_name), literal(Bar.RETIRED.value), RetiredName.system_id, null()
    ).where(
        func.lower(RetiredName.login_name).in_(names),
        or_(RetiredName.system_id.is_(None), RetiredName.system_id == system_id),
    )
    for_sign_in = exists().where(InformationSystem.id == system_id, InformationSystem.for_sign_in)
    signing_in = select(SignIn.name, literal(Bar.SIGN_IN.value), literal(system_id), SignIn.person_id).where(
        SignIn.name.in_(names), for_sign_in
    )
    return union_all(accounts, chosen, retired, signing_in)


def _found_there(session: Session, system_id: int, names: Collection[str]) -> Iterator[tuple[str, _Holder]]:
    """Lower-case name and holder of every account that was there before us: nobody else is called so."""
    for some in in_chunks(sorted(names)):
        rows = session.execute(
            select(func.lower(FoundAccount.login_name), FoundAccount.person_id).where(
                FoundAccount.system_id == system_id, func.lower(FoundAccount.login_name).in_(some)
            )
        )
        for name, person_id in rows:
            yield name, _Holder(Bar.TAKEN, system_id, person_id)


def _subjects(
    session: Session, system_id: int, days: Mapping[int, date], rule: LoginNames
) -> tuple[dict[int, Subject], dict[int, InvalidInput]]:
    """What is known of each person, in the order of their ids; and for whom no name can be thought of, with why."""
    numbers, chosen = _staff_numbers(session, days), _chosen(session, system_id, days)
    elsewhere = _names_elsewhere(session, system_id, days) if rule.rule == "romaji" else {}
    spelling = Spelling(rule.long_vowels, rule.large_kana_only, rule.exceptions)
    found: dict[int, Subject] = {}
    refused: dict[int, InvalidInput] = {}
    people = select(Person.id, Person.kana, Person.romaji).where(Person.id.in_(days)).order_by(Person.id)
    for person_id, kana, own in session.execute(people):
        try:
            if person_id not in numbers:
                raise InvalidInput("任用のない人には利用者IDを作れません。")
            needs_letters = rule.rule == "romaji" and person_id not in chosen
            found[person_id] = Subject(
                numbers[person_id], latin_name(kana, own, spelling) if needs_letters else None,
                chosen.get(person_id), tuple(elsewhere.get(person_id, ())),
            )  # fmt: skip
        except InvalidInput as refusal:
            refused[person_id] = refusal
    return found, refused


def _staff_numbers(session: Session, days: Mapping[int, date]) -> dict[int, str]:
    """Person → the number of the employment that holds on their day, else of the next, else of the last."""
    employments: dict[int, list[Employment]] = defaultdict(list)
    query = select(Employment).where(Employment.person_id.in_(days)).order_by(Employment.valid_from, Employment.id)
    for employment in session.scalars(query):
        employments[employment.person_id].append(employment)
    return {person_id: _number_on(held, days[person_id]) for person_id, held in employments.items()}


def _number_on(held: list[Employment], day: date) -> str:
    not_over = [e for e in held if e.valid_until is None or e.valid_until > day]
    return (not_over[0] if not_over else held[-1]).staff_number


def _chosen(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, str]:
    rows = session.execute(
        select(ChosenName.person_id, ChosenName.login_name).where(
            ChosenName.system_id == system_id, ChosenName.person_id.in_(person_ids)
        )
    )
    return dict(rows.all())


def _names_elsewhere(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, list[str]]:
    """Person → the names of their personal accounts in other systems, the oldest first."""
    rows = session.execute(
        select(Account.person_id, Account.login_name)
        .where(Account.person_id.in_(person_ids), Account.system_id != system_id, Account.kind == AccountKind.PERSONAL)
        .order_by(Account.created_at, Account.id)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for person_id, name in rows:
        if person_id is not None and name not in found[person_id]:
            found[person_id].append(name)
    return found
