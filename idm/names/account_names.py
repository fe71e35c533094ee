"""How an organisation names personal accounts, as data and pure functions. What is taken is the caller's to know.

Two rules. `staff_number`: a prefix and the number, without personal data, and never two alike. `romaji`: patterns such
as `{given}.{family}`, tried in order, then a number. Both are for accounts yet to be made: a name that exists never
changes with marriage or a new staff number, because everything else in a directory hangs on it.

By romaji the same human has the same name in every system where it is free, and no name that another human has in
another system: mail, minutes and logs are read across systems, and there one name for two people is a mistake to come.

A name that a directory or a mail system would not take, or would quietly change, is refused or passed over; nothing is
cut or mended, because a mended name may be someone else's. `LIMITS` says what each kind of target takes (uid,
sAMAccountName, a mail address's local part by RFC 5321 4.5.3.1.1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count

from idm.errors import InvalidInput
from idm.names.latin_names import LatinName
from idm.organisation import LoginNames

RESERVED = frozenset(
    {
        "administrator", "admin", "root", "guest", "krbtgt", "system", "operator", "backup", "daemon", "nobody",
        "postmaster", "hostmaster", "webmaster", "abuse", "security", "support", "info", "mail", "test", "user",
        "soumu", "shichou", "chouchou", "jimukyoku", "con", "prn", "aux", "nul",
    }
)  # fmt: skip
"""Names that systems, offices or attackers expect to belong to no single person."""


@dataclass(frozen=True)
class Limit:
    """What names a kind of target takes: at most so many characters, none of these, and none of those at the end."""

    title: str
    length: int
    forbidden: str = ""
    forbidden_at_end: str = ""


_ACTIVE_DIRECTORY = Limit("Active Directory（sAMAccountName）", 20, '"/\\[]:;|=,+*?<>@', ".$")
_DIRECTORY_389 = Limit("389 Directory Server（uid）", 64)
LIMITS = {
    "openldap": Limit("OpenLDAP（uid）", 64),
    "389": _DIRECTORY_389,
    "directory-389": _DIRECTORY_389,
    "active-directory": _ACTIVE_DIRECTORY,
    "ad": _ACTIVE_DIRECTORY,
    "scim": Limit("SCIM（userName）", 64),
    "entra": Limit("Entra ID（メールアドレスの＠の前）", 64, forbidden_at_end="."),
    "memory": Limit("試験用のディレクトリ", 64),
}
"""By the connector's name; underscores count as hyphens, and what follows a known name does not matter (389-ds)."""
NARROWEST = replace(_ACTIVE_DIRECTORY, title="接続先")
"""For a kind of target that is not in the table: what all of them take."""

BY_STAFF_NUMBER = LoginNames()
"""The rule where the organisation says none."""

PLACEHOLDERS = frozenset({"family", "given", "f", "g"})
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_STAFF_NUMBER = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)


class Source(StrEnum):
    """Why somebody gets just this name."""

    CHOSEN = "chosen"
    SAME_AS_ELSEWHERE = "same_as_elsewhere"
    SAME_AS_DAILY = "same_as_daily"
    STAFF_NUMBER = "staff_number"
    PATTERN = "pattern"
    NUMBERED = "numbered"


class Bar(StrEnum):
    """Why a name is not given."""

    TAKEN = "taken"
    RETIRED = "retired"
    CHOSEN = "chosen"
    ELSEWHERE = "elsewhere"
    SIGN_IN = "sign_in"
    RESERVED = "reserved"
    TOO_LONG = "too_long"
    FORM = "form"


SOURCE_TITLES = {
    Source.CHOSEN: "人事担当者が選んだ名前",
    Source.SAME_AS_ELSEWHERE: "ほかのシステムと同じ名前",
    Source.SAME_AS_DAILY: "本人の利用者IDの前に特権IDの印を付けた名前",
    Source.STAFF_NUMBER: "職員番号",
    Source.PATTERN: "ローマ字",
    Source.NUMBERED: "ローマ字と番号",
}
BAR_TITLES = {
    Bar.TAKEN: "使われたことがある",
    Bar.RETIRED: "以前に使われた名前",
    Bar.CHOSEN: "ほかの人のために選ばれた",
    Bar.ELSEWHERE: "ほかのシステムで別の人が使っている",
    Bar.SIGN_IN: "この画面のサインインで別の人が使っている",
    Bar.RESERVED: "予約語",
    Bar.TOO_LONG: "長すぎる",
    Bar.FORM: "使えない文字がある",
}


@dataclass(frozen=True)
class Candidate:
    """One name that could be given, in its turn. `bar` is what the rule itself says against it."""

    name: str
    source: Source
    pattern: str = ""
    bar: Bar | None = None


@dataclass(frozen=True)
class Subject:
    """What is known of somebody who needs a name. `elsewhere`: their own names in other systems, oldest first."""

    staff_number: str
    latin: LatinName | None
    chosen: str | None = None
    elsewhere: tuple[str, ...] = ()


def limit_of(connector: str) -> Limit:
    """What the kind of target takes; the narrowest limits for a kind that is not known."""
    name = connector.lower().replace("_", "-")
    return next((limit for kind, limit in LIMITS.items() if name == kind or name.startswith(f"{kind}-")), NARROWEST)


def candidates(subject: Subject, rule: LoginNames, limit: Limit) -> Iterator[Candidate]:
    """The names to try for somebody, in order, as long as any fits the target.

    A name that HR chose stands alone. By romaji, the name the person has in another system comes first: one human, one
    name. Raises InvalidInput when the staff number or the reading gives no name at all.
    """
    if subject.chosen is not None:
        yield _judged(subject.chosen, Source.CHOSEN, "", rule, limit)
    elif rule.rule == "staff_number":
        yield _judged(staff_number_name(subject.staff_number, rule), Source.STAFF_NUMBER, "", rule, limit)
    else:
        yield from _romaji_candidates(subject, rule, limit)


NUMBERED_PRIVILEGED = 99
"""How many numbers are tried behind the name of a privileged ID, which the daily one's alone could clash with."""


def privileged_candidates(
    daily: str, staff_number: str | None, rule: LoginNames, limit: Limit
) -> tuple[Candidate, ...]:
    """The names to try for the privileged ID of somebody whose daily one is called `daily`, in order; at least one.

    The prefix and the daily name; where the target takes none so long, the prefix and the staff number; then numbers.
    """
    named = [(daily, Source.SAME_AS_DAILY)]
    if staff_number is not None and _STAFF_NUMBER.fullmatch(staff_number):
        named.append((staff_number_name(staff_number, rule), Source.STAFF_NUMBER))
    plain = {f"{rule.privileged_prefix}{name}": source for name, source in named}
    first = rule.start_after_collision
    numbered = (f"{name}-{number}" for name in plain for number in range(first, first + NUMBERED_PRIVILEGED))
    return tuple(
        _judged(name, plain.get(name, Source.NUMBERED), "", rule, limit) for name in dict.fromkeys((*plain, *numbered))
    )


def staff_number_name(staff_number: str, rule: LoginNames = BY_STAFF_NUMBER) -> str:
    """The name of a staff number, ASCII lower-case, such as u012345.

    Raises InvalidInput when the number is not of plain letters and digits.
    """
    if not _STAFF_NUMBER.fullmatch(staff_number):
        raise _refusal("職員番号が半角の英数字ではないため、利用者IDを作れません。人事の登録を確かめてください。")
    return f"{rule.prefix}{staff_number.lower()}"


def _romaji_candidates(subject: Subject, rule: LoginNames, limit: Limit) -> Iterator[Candidate]:
    for name in subject.elsewhere:
        yield _judged(name, Source.SAME_AS_ELSEWHERE, "", rule, limit)
    if subject.latin is None:
        raise _refusal("ローマ字がないため、利用者IDを作れません。")
    patterns = [pattern for pattern in rule.patterns if subject.latin.given or not _needs_given(pattern)]
    # A name of one part fills no pattern that asks for two.
    spelled: dict[str, str] = {}
    for pattern in patterns or ["{family}"]:
        spelled.setdefault(spell(pattern, subject.latin), pattern)
    for name, pattern in spelled.items():
        if name not in subject.elsewhere:
            yield _judged(name, Source.PATTERN, pattern, rule, limit)
    for name, pattern in spelled.items():
        for number in count(rule.start_after_collision):
            numbered = _judged(f"{name}-{number}", Source.NUMBERED, pattern, rule, limit)
            if numbered.bar in (Bar.TOO_LONG, Bar.FORM):
                break  # no further number would mend it
            yield numbered


def _needs_given(pattern: str) -> bool:
    return bool({"given", "g"} & placeholders(pattern))


def placeholders(pattern: str) -> set[str]:
    """What stands in braces in a pattern."""
    return set(PLACEHOLDER.findall(pattern))


def spell(pattern: str, latin: LatinName) -> str:
    """The pattern with somebody's names in it; `f` and `g` are first letters."""
    return pattern.format(family=latin.family, given=latin.given, f=latin.family[:1], g=latin.given[:1])


def _judged(name: str, source: Source, pattern: str, rule: LoginNames, limit: Limit) -> Candidate:
    return Candidate(name, source, pattern, why_not(name, rule, limit))


def is_well_formed(name: str) -> bool:
    """Whether a name is of lower-case ASCII letters and digits, with single signs . _ - between them."""
    return _NAME.fullmatch(name) is not None


def why_not(name: str, rule: LoginNames, limit: Limit) -> Bar | None:
    """What the rule says against a name, before it is asked who has it."""
    if len(name) > limit.length:
        return Bar.TOO_LONG
    if not is_well_formed(name) or set(name) & set(limit.forbidden) or name[-1] in limit.forbidden_at_end:
        return Bar.FORM
    return Bar.RESERVED if name in RESERVED or name in rule.reserved else None


def require_usable(name: str, rule: LoginNames, limit: Limit) -> None:
    """Afterwards the target takes the name unchanged and the rule reserves it for nobody. Raises InvalidInput."""
    if not name:
        raise _refusal("利用者IDが空です。")
    bar = why_not(name, rule, limit)
    if bar is not None:
        raise refusal_of(name, bar, limit)


_REASONS = {
    Bar.FORM: "は利用者IDにできません。使えるのは半角の英小文字と数字、およびその間の「.」「_」「-」だけです。"
    "記号で始まるもの、「.」や「$」などで終わるもの、記号が続くものは使えません。",
    Bar.RESERVED: "は個人の利用者IDには使えない予約語です。",
    Bar.TAKEN: "はこのシステムですでに使われたことがあるため、使えません。別の利用者IDを選んでください。",
    Bar.RETIRED: "は以前に使われた名前として登録されているため、使えません。別の利用者IDを選んでください。",
    Bar.CHOSEN: "は、ほかの人のために選ばれています。別の利用者IDを選んでください。",
    Bar.ELSEWHERE: "は、ほかのシステムで別の人が使っています。別の利用者IDを選んでください。",
    Bar.SIGN_IN: "は、この画面へのサインインの利用者名として別の人が使っています。別の利用者IDを選んでください。",
}


def refusal_of(name: str, bar: Bar, limit: Limit) -> InvalidInput:
    """The refusal that says why the name is not given, and what to do."""
    if bar is Bar.TOO_LONG:
        return _refusal(
            f"利用者ID「{name}」は{len(name)}文字あります。{limit.title}では{limit.length}文字までです。"
            "短い利用者IDを選んでください。"
        )
    return _refusal(f"「{name}」{_REASONS[bar]}")


def _refusal(message: str) -> InvalidInput:
    return InvalidInput(message, fields={"login_name": message})
