"""Whose an account is that was there before us (control A18). Pure, and the order of what it is told does not matter.

A machine decides only what cannot reasonably be otherwise. Rules speak in their order; the first that names anybody has
to name one person, and no other rule may name only somebody else. An account that carries a staff number is decided by
that number or not at all. Two accounts for one person, somebody who has left, an administrator's account that the
target protects, a privileged ID by its name: each waits for a person, and says why.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

PersonId = int


class Rule(StrEnum):
    """What speaks for somebody, the strongest first."""

    EMPLOYEE_NUMBER = "employee_number"
    CHOSEN_NAME = "chosen_name"
    RULE_NAME = "rule_name"
    MAIL = "mail"
    NAME_AND_UNIT = "name_and_unit"


class Doubt(StrEnum):
    """Why no machine decides."""

    NO_CANDIDATE = "no_candidate"
    SEVERAL_PEOPLE = "several_people"
    CONTRADICTION = "contradiction"
    NUMBER_UNKNOWN = "number_unknown"
    SEVERAL_ACCOUNTS = "several_accounts"
    LEFT = "left"
    PRIVILEGED = "privileged"
    PROTECTED = "protected"
    MARKED = "marked"


RULE_TITLES = {
    Rule.EMPLOYEE_NUMBER: "職員番号が同じ",
    Rule.CHOSEN_NAME: "選ばれた利用者IDと同じ",
    Rule.RULE_NAME: "命名規則による利用者IDと同じ",
    Rule.MAIL: "メールアドレスが同じ",
    Rule.NAME_AND_UNIT: "氏名と所属が同じ",
}
DOUBT_TITLES = {
    Doubt.NO_CANDIDATE: "当てはまる職員が見つかりません",
    Doubt.SEVERAL_PEOPLE: "当てはまる職員が複数います",
    Doubt.CONTRADICTION: "手掛かりが別々の職員を指しています",
    Doubt.NUMBER_UNKNOWN: "職員番号が、登録されているどの職員のものでもありません",
    Doubt.SEVERAL_ACCOUNTS: "同じ職員のものと思われるIDが複数あります",
    Doubt.LEFT: "すでに離職した職員のものと思われます",
    Doubt.PRIVILEGED: "管理用ID（特権ID）の名前です",
    Doubt.PROTECTED: "ディレクトリの管理者として保護されたIDです",
    Doubt.MARKED: "ほかの管理番号が付いています",
}


@dataclass(frozen=True)
class Found:
    """One account as the target shows it. `key` is the target's immutable id.

    `protected` and `marked`: guarded by the target as an administrator's, or carrying an account number of others.
    `privileged`: it is called as our rule calls privileged IDs, and so is hardly somebody's daily one (control D8).
    """

    key: str
    login_name: str
    display_name: str
    unit_name: str | None = None
    employee_number: str | None = None
    mail: str | None = None
    protected: bool = False
    marked: bool = False
    privileged: bool = False


@dataclass(frozen=True)
class Known:
    """One person as we know them. `made_names`: what our rule would make of them, before it is asked who has it.

    `has_account`: they have an account in the system already, made or taken over.
    """

    person_id: PersonId
    staff_numbers: frozenset[str]
    names: frozenset[str]
    unit_name: str | None
    mail: str | None
    chosen_name: str | None = None
    made_names: frozenset[str] = frozenset()
    employed: bool = True
    has_account: bool = False


@dataclass(frozen=True)
class Candidate:
    """Somebody an account may belong to, and every rule that speaks for them."""

    person_id: PersonId
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Match:
    """What is said of one account: whose it is and by which rule, or why that is not for a machine to say."""

    person_id: PersonId | None
    rule: Rule | None
    doubt: Doubt | None
    candidates: tuple[Candidate, ...]


def correlate(
    found: Iterable[Found], known: Iterable[Known], *, number_widths: Collection[int] = ()
) -> dict[str, Match]:
    """Account key → what is said of it. Nobody is given two accounts, and no account two people.

    `number_widths`: to how many digits the personnel files fill staff numbers up with zeros.
    """
    people = {one.person_id: one for one in known}
    look = _Index.of(people.values(), number_widths)
    matches = {account.key: _judged(account, look.evidence(account), people) for account in found}
    wanted = Counter(match.person_id for match in matches.values() if match.person_id is not None)
    return {key: _one_each(match, wanted, people) for key, match in matches.items()}


def _judged(account: Found, evidence: Mapping[Rule, frozenset[PersonId]], people: Mapping[PersonId, Known]) -> Match:
    candidates = _candidates(evidence)
    person_id, rule, doubt = _decided(account, evidence)
    if person_id is not None and not people[person_id].employed:
        person_id, rule, doubt = None, None, Doubt.LEFT
    never = {Doubt.PROTECTED: account.protected, Doubt.MARKED: account.marked, Doubt.PRIVILEGED: account.privileged}
    if any(never.values()):
        person_id, rule, doubt = None, None, next(why for why, holds in never.items() if holds)
    return Match(person_id, rule, doubt, candidates)


def _decided(
    account: Found, evidence: Mapping[Rule, frozenset[PersonId]]
) -> tuple[PersonId | None, Rule | None, Doubt | None]:
    first = next((rule for rule in Rule if evidence[rule]), None)
    numbered = bool(_plain(account.employee_number))
    if numbered and not evidence[Rule.EMPLOYEE_NUMBER]:
        return None, None, Doubt.NUMBER_UNKNOWN
    if first is None:
        return None, None, Doubt.NO_CANDIDATE
    if len(evidence[first]) > 1:
        return None, None, Doubt.SEVERAL_PEOPLE
    (person_id,) = evidence[first]
    if any(said and person_id not in said for said in evidence.values()):
        return None, None, Doubt.CONTRADICTION
    return person_id, first, None


def _candidates(evidence: Mapping[Rule, frozenset[PersonId]]) -> tuple[Candidate, ...]:
    speaking: dict[PersonId, list[Rule]] = defaultdict(list)
    for rule in Rule:
        for person_id in evidence[rule]:
            speaking[person_id].append(rule)
    strongest = list(Rule)
    ranked = sorted(speaking, key=lambda person: (strongest.index(speaking[person][0]), person))
    return tuple(Candidate(person_id, tuple(speaking[person_id])) for person_id in ranked)


def _one_each(match: Match, wanted: Mapping[PersonId, int], people: Mapping[PersonId, Known]) -> Match:
    if match.person_id is None or (wanted[match.person_id] == 1 and not people[match.person_id].has_account):
        return match
    return Match(None, None, Doubt.SEVERAL_ACCOUNTS, match.candidates)


@dataclass(frozen=True)
class _Index:
    """For each rule: what it compares → the people it fits."""

    people: Mapping[Rule, Mapping[Hashable, frozenset[PersonId]]]
    widths: tuple[int, ...]

    @classmethod
    def of(cls, known: Iterable[Known], widths: Collection[int]) -> "_Index":
        said: dict[Rule, dict[Hashable, set[PersonId]]] = {rule: defaultdict(set) for rule in Rule}
        for person in known:
            for rule, spell in _OF_PERSON.items():
                for value in spell(person):
                    said[rule][value].add(person.person_id)
        people = {rule: {value: frozenset(ids) for value, ids in of.items()} for rule, of in said.items()}
        return cls(people, tuple(widths))

    def evidence(self, account: Found) -> dict[Rule, frozenset[PersonId]]:
        """Rule → the people it names for the account."""
        return {rule: self._fitting(rule, spell(account, self.widths)) for rule, spell in _OF_ACCOUNT.items()}

    def _fitting(self, rule: Rule, values: Iterable[Hashable]) -> frozenset[PersonId]:
        fitting = self.people[rule]
        return frozenset().union(*(fitting.get(value, frozenset()) for value in values))


def _numbers_of_account(account: Found, widths: Collection[int]) -> set[Hashable]:
    """As it stands there, and filled up with zeros as the personnel files do."""
    number = _plain(account.employee_number)
    return {number, *(number.zfill(width) for width in widths)} if number else set()


def _known(texts: Iterable[str | None]) -> set[Hashable]:
    """What is written at all, as it is compared."""
    return {_plain(text) for text in texts if _plain(text)}


def _name_and_unit(names: Iterable[str], unit: str | None) -> set[Hashable]:
    return {(_name(name), _name(unit)) for name in names if _name(name) and unit}


_OF_PERSON: Mapping[Rule, Callable[[Known], set[Hashable]]] = {
    Rule.EMPLOYEE_NUMBER: lambda person: {_plain(number) for number in person.staff_numbers},
    Rule.CHOSEN_NAME: lambda person: _known({person.chosen_name}),
    Rule.RULE_NAME: lambda person: {_plain(name) for name in person.made_names},
    Rule.MAIL: lambda person: _known({person.mail}),
    Rule.NAME_AND_UNIT: lambda person: _name_and_unit(person.names, person.unit_name),
}
_OF_ACCOUNT: Mapping[Rule, Callable[[Found, Collection[int]], set[Hashable]]] = {
    Rule.EMPLOYEE_NUMBER: _numbers_of_account,
    Rule.CHOSEN_NAME: lambda account, _widths: {_plain(account.login_name)},
    Rule.RULE_NAME: lambda account, _widths: {_plain(account.login_name)},
    Rule.MAIL: lambda account, _widths: _known({account.mail}),
    Rule.NAME_AND_UNIT: lambda account, _widths: _name_and_unit([account.display_name], account.unit_name),
}


def _plain(text: str | None) -> str:
    """Width and case make no difference, as in directories."""
    return unicodedata.normalize("NFKC", text or "").strip().casefold()


def _name(text: str | None) -> str:
    """Nor do spaces between family and given name."""
    return "".join(_plain(text).split())
