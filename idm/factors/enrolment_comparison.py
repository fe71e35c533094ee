"""A list of who is enrolled beside our register of authenticators: who gains, who loses, who would be stopped. Pure.

The list says what somebody's account is enrolled with, never with which thing of a kind. So it never brings back what
was lost or given back: such a line is told as a difference, and the register's own acts settle it. Nobody opens the
gate for themself, nor for whom they decided on (SOD-2, SOD-4), and no command opens it for anybody: of them only what
the list takes away counts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.enrolment_list import Enrolled
from idm.factors.factor_gate import GateFacts, Reading, Verdict, holds_back, judge
from idm.lists.printed_list import name_key
from idm.policy import FactorRules
from idm.vocabulary import AUTHENTICATOR_TITLES, AuthenticatorKind

OWN = "取り込む人自身の登録は、増やせません。ほかの担当者がこの一覧を取り込んでください"
DECIDED = (
    "この人の権限を決裁した人は、登録を増やすことも確認を新しくすることもできません。別の担当者が取り込んでください"
)
NAMELESS = "コマンドでは、登録は増えず、確認も新しくなりません。担当者が画面で取り込んでください"
NO_RIGHT = "このシステムの権限を持っていません（退職者などであれば、製品から登録を消してください）"
NOT_IN_PRODUCT = "製品に登録がありません"


class Standing(StrEnum):
    """How one person on the list, or one account of ours, compares."""

    AGREES = "agrees"
    CHANGES = "changes"
    MISSING = "missing"
    NO_RIGHT = "no_right"
    UNKNOWN = "unknown"


STANDING_TITLES = {
    Standing.AGREES: "変わりなし",
    Standing.CHANGES: "変更",
    Standing.MISSING: "一覧にない人",
    Standing.NO_RIGHT: "権限のない人",
    Standing.UNKNOWN: "台帳にない人",
}


@dataclass(frozen=True)
class Item:
    """One authenticator of the register. `used_here`: it is enrolled in this system as far as we know."""

    authenticator_id: int
    kind: AuthenticatorKind
    state: AuthenticatorState
    used_here: bool


@dataclass(frozen=True)
class Booked:
    """One account as our books have it, with its owner's authenticators, oldest first.

    `live`: it holds a right here or will; `in_effect`: one that needs factors, at this moment. `deciders`: who decided
    on a right of its owner's here, or has begun to.
    """

    account_id: int
    person_id: int
    login_name: str
    person_name: str
    staff_numbers: frozenset[str]
    live: bool
    in_effect: bool
    items: tuple[Item, ...]
    facts: GateFacts
    deciders: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Moment:
    """For which moment the list speaks, when it is read, and how old a reading may be.

    `importer`: who brings it, under every row of theirs (SOD-5); None = nobody, it is a command.
    """

    made_on: datetime
    now: datetime
    longest: timedelta
    importer: frozenset[int] | None = frozenset()


@dataclass(frozen=True)
class Compared:
    """One person on both sides, and what taking the list over would do.

    `registers`: kinds that begin to stand in the register; `opens` and `closes`: authenticators whose enrolment in this
    system begins or ends. `reading` None = nothing is recorded. `stops`: a right in effect would be held back.
    """

    called: str
    standing: Standing
    lines: tuple[int, ...] = ()
    account_id: int | None = None
    person_id: int | None = None
    name: str | None = None
    kinds: frozenset[AuthenticatorKind] = frozenset()
    required: bool = False
    registers: frozenset[AuthenticatorKind] = frozenset()
    opens: tuple[Item, ...] = ()
    closes: tuple[Item, ...] = ()
    reading: Reading | None = None
    verdict: Verdict | None = None
    stops: bool = False
    differences: tuple[str, ...] = ()

    @property
    def gains(self) -> frozenset[AuthenticatorKind]:
        """The kinds that begin to count as enrolled here."""
        return self.registers | {item.kind for item in self.opens}


@dataclass(frozen=True)
class Comparison:
    """The whole list beside our books. `in_effect` is how many people have a right that needs factors, right now."""

    lines: tuple[Compared, ...]
    in_effect: int
    stopped: int = field(init=False)

    def __post_init__(self) -> None:
        people = {one.person_id for one in self.lines if one.stops}
        object.__setattr__(self, "stopped", len(people))

    def count(self, standing: Standing) -> int:
        """How many compare like that."""
        return sum(one.standing is standing for one in self.lines)


def too_many(stopped: int, of: int, rules: FactorRules) -> bool:
    """Whether a list would stop so many that it is rather the wrong list; a single person never is so many."""
    return stopped > rules.most_people or (stopped > 1 and stopped > Fraction(str(rules.most_share)) * of)


def compare(enrolled: Iterable[Enrolled], booked: Collection[Booked], moment: Moment) -> Comparison:
    """Everybody on the list in its order, then those of ours who are not on it."""
    finder, lines, found = _Finder.of(booked), list[Compared](), set[int]()
    for row in enrolled:
        account = finder.find(row)
        if account is None or account.account_id in found:
            twice = () if account is None else ("同じ人がほかの行にもあります",)
            lines.append(Compared(row.called, Standing.UNKNOWN, row.lines, kinds=row.kinds, differences=twice))
        elif _other_person(row, account):
            told = (f"職員番号が違います（一覧 {row.employee_number}）。この行は数えません",)
            lines.append(Compared(row.called, Standing.UNKNOWN, row.lines, kinds=row.kinds, differences=told))
        else:
            found.add(account.account_id)
            lines.append(_compared(row, account, moment))
    missing = (_unlisted(account, moment) for account in booked if account.account_id not in found)
    people = {account.person_id for account in booked if account.in_effect}
    return Comparison((*lines, *(one for one in missing if one is not None)), len(people))


@dataclass(frozen=True)
class _Finder:
    by_name: Mapping[str, Booked]
    by_number: Mapping[str, Booked]

    @classmethod
    def of(cls, booked: Iterable[Booked]) -> "_Finder":
        """An account that holds a right is found before one that holds none."""
        ordered = sorted(booked, key=lambda account: account.live)
        return cls(
            {name_key(account.login_name): account for account in ordered},
            {name_key(number): account for account in ordered for number in account.staff_numbers},
        )

    def find(self, row: Enrolled) -> Booked | None:
        if row.login_name is not None:
            return self.by_name.get(name_key(row.login_name))
        return self.by_number.get(name_key(row.employee_number or ""))


def _other_person(row: Enrolled, account: Booked) -> bool:
    """Whether the number beside the login name is somebody else's."""
    if row.login_name is None or row.employee_number is None:
        return False
    return name_key(row.employee_number) not in {name_key(number) for number in account.staff_numbers}


def _compared(row: Enrolled, account: Booked, moment: Moment) -> Compared:
    if not account.live:
        shown = Compared(row.called, Standing.NO_RIGHT, row.lines, kinds=row.kinds, required=row.required)
        return _after(shown, account, _closes(account, row.kinds), (), moment, (NO_RIGHT,))
    barred = _barred(account, moment)
    registers, opens, differences = _begins(account, row.kinds)
    if barred is not None:
        registers, opens, differences = frozenset(), (), (*differences, barred)
    standing = Standing.AGREES if not (registers or opens) else Standing.CHANGES
    shown = Compared(
        row.called, standing, row.lines, kinds=row.kinds, required=row.required, registers=registers,
        reading=_reading(account, row.kinds, required=row.required, moment=moment),
    )  # fmt: skip
    return _after(shown, account, _closes(account, row.kinds), opens, moment, (*differences, *_words(row)))


def _unlisted(account: Booked, moment: Moment) -> Compared | None:
    """An account of ours that is not on the list; None where that changes nothing for anybody."""
    closes = _closes(account, frozenset())
    if not account.live and not closes and account.facts.reading is None:
        return None
    standing = Standing.MISSING if account.live else Standing.CHANGES
    reading = _reading(account, frozenset(), required=False, moment=moment)
    shown = Compared(account.login_name, standing, reading=reading)
    return _after(shown, account, closes, (), moment, (NOT_IN_PRODUCT,) if account.live else ())


def _after(
    shown: Compared, account: Booked, closes: tuple[Item, ...], opens: tuple[Item, ...], moment: Moment,
    differences: tuple[str, ...],
) -> Compared:  # fmt: skip
    """What is shown, with what the gate says once the list has been taken over."""
    left = {item.kind for item in account.items if item.used_here and item not in closes and _counts(item)}
    registered = frozenset(left | {item.kind for item in opens} | shown.registers)
    reading = shown.reading or account.facts.reading
    verdict = judge(replace(account.facts, registered=registered, reading=reading), now=moment.now,
                    longest=moment.longest)  # fmt: skip
    changes = closes or opens or shown.registers or _reads_otherwise(account, shown.reading)
    standing = Standing.CHANGES if shown.standing is Standing.AGREES and changes else shown.standing
    return replace(
        shown, standing=standing, account_id=account.account_id, person_id=account.person_id, name=account.person_name,
        opens=opens, closes=closes, verdict=verdict, differences=differences,
        stops=account.in_effect and holds_back(verdict, in_effect=True),
    )  # fmt: skip


def _reads_otherwise(account: Booked, reading: Reading | None) -> bool:
    before = account.facts.reading
    return reading is not None and (before is None or (before.required, before.kinds) != (
        reading.required, reading.kinds
    ))  # fmt: skip


def _barred(account: Booked, moment: Moment) -> str | None:
    """Why whoever brings the list opens nothing for this account, and makes nothing fresher; None where they may."""
    if moment.importer is None:
        return NAMELESS
    if account.person_id in moment.importer:
        return OWN
    return DECIDED if account.deciders & moment.importer else None


def _reading(
    account: Booked, kinds: frozenset[AuthenticatorKind], *, required: bool, moment: Moment
) -> Reading | None:  # fmt: skip
    """What is recorded as read back; from whom the account is barred never more, nor fresher, than before."""
    if _barred(account, moment) is None:
        return Reading(required, kinds, moment.made_on)
    before = account.facts.reading
    if before is None:
        return None
    return Reading(before.required and required, kinds & (before.kinds or frozenset()), before.read_at)


def _counts(item: Item) -> bool:
    return item.state is AuthenticatorState.ACTIVE


def _closes(account: Booked, kinds: frozenset[AuthenticatorKind]) -> tuple[Item, ...]:
    """What counts no more. A lost one stays where it was in use: what its loss stopped is the desk's to lift."""
    return tuple(item for item in account.items if item.used_here and _counts(item) and item.kind not in kinds)


Begun = tuple[frozenset[AuthenticatorKind], tuple[Item, ...], tuple[str, ...]]


def _begins(account: Booked, kinds: frozenset[AuthenticatorKind]) -> Begun:
    """Which kinds are new to the register, which authenticators begin to be used here, and what does not fit."""
    registers, opens, differences = set[AuthenticatorKind](), list[Item](), list[str]()
    for kind in sorted(kinds):
        had = [item for item in account.items if item.kind is kind]
        active = [item for item in had if _counts(item)]
        if not had:
            registers.add(kind)
        elif any(item.used_here for item in active):
            continue
        elif active and not any(item.state is AuthenticatorState.LOST for item in had):
            opens.append(active[-1])
        else:
            differences.append(_not_counted(kind, {item.state for item in had}))
    return frozenset(registers), tuple(opens), tuple(differences)


def _not_counted(kind: AuthenticatorKind, states: set[AuthenticatorState]) -> str:
    """Why the list cannot say which thing it means: while one is lost, it may be that one that is still enrolled."""
    title = AUTHENTICATOR_TITLES[kind]
    if AuthenticatorState.LOST in states:
        return f"紛失の届出がある{title}が製品に登録されたままです。製品から登録を消してください（数えません）"
    if AuthenticatorState.ISSUED in states:
        return f"{title}は交付済みですが、使用開始の登録がありません。先に使用開始を登録してください（数えません）"
    return f"{title}は回収済みです。製品から登録を消すか、新しく交付したものを登録してください（数えません）"


def _words(row: Enrolled) -> Iterator[str]:
    if row.other_words:
        yield f"数えない語: {'、'.join(sorted(row.other_words))}"
