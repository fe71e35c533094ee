"""Reads the list of who is enrolled in a product that verifies factors: everybody on it, or a refusal (B2). Pure.

How a printed list is read at all is said in `idm.lists.printed_list`; here is what its columns mean. One person may
stand in several lines, one for each factor.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from idm.factors.verification_rules import plain_word
from idm.feed.problem import FeedProblem
from idm.lists.printed_list import PrintedForm, PrintedList, name_key, read_printed
from idm.organisation import EnrolmentShape
from idm.vocabulary import AuthenticatorKind

COLUMNS = ("login_name", "employee_number", "factors", "required")
LENGTHS = {"login_name": 64, "employee_number": 20, "factors": 1000, "required": 100}


@dataclass(frozen=True)
class Enrolled:
    """One person on the list. `lines`: where they stand; `other_words`: what counts for nothing.

    `login_name` or `employee_number` is None where the list has no such column, or says nothing there; not both.
    """

    lines: tuple[int, ...]
    login_name: str | None
    employee_number: str | None
    kinds: frozenset[AuthenticatorKind]
    required: bool
    other_words: frozenset[str] = frozenset()

    @property
    def called(self) -> str:
        """What the list calls the person."""
        return self.login_name or self.employee_number or ""

    @property
    def key(self) -> tuple[bool, str]:
        """Who it is, as names are compared; a number is no login name."""
        return self.login_name is None, name_key(self.called)


def read_enrolments(data: bytes, shape: EnrolmentShape) -> tuple[Enrolled, ...]:
    """Everybody on the list, in its order. Raises FeedRefused with every mistake, and then gives nobody."""
    reading = read_printed(data, _form(shape))
    words = {plain_word(word): kind for word, kind in shape.words.items()}
    yes = frozenset(plain_word(word) for word in shape.required_words)
    rows = [row for line, texts in reading.rows() if (row := _row(reading, shape, words, yes, line, texts))]
    people = tuple(_people(reading, rows))
    reading.refuse_mistakes()
    return people


def _form(shape: EnrolmentShape) -> PrintedForm:
    headings = {column: heading for column in COLUMNS if (heading := getattr(shape, column)) is not None}
    return PrintedForm(
        "登録者一覧", "verification.listing", headings, shape.format, shape.encoding, shape.delimiter, shape.sheet,
        lengths=LENGTHS,
    )  # fmt: skip


def _row(
    reading: PrintedList, shape: EnrolmentShape, words: dict[str, AuthenticatorKind], yes: frozenset[str], line: int,
    texts: dict[str, str],
) -> Enrolled | None:  # fmt: skip
    """The line, or None where it names nobody; what is wrong is noted."""
    login_name = texts.get("login_name") or None
    if login_name is None and shape.login_name is not None:
        reading.wrong(line, "login_name", "空です。必ず入力してください。")
        return None
    employee_number = texts.get("employee_number") or None
    if login_name is None and employee_number is None:
        reading.wrong(line, "employee_number", "空です。必ず入力してください。")
        return None
    said = [part.strip() for part in texts["factors"].split(shape.separator) if part.strip()]
    return Enrolled(
        (line,), login_name, employee_number,
        frozenset(words[plain_word(word)] for word in said if plain_word(word) in words),
        plain_word(texts["required"]) in yes if "required" in texts else True,
        frozenset(word for word in said if plain_word(word) not in words),
    )  # fmt: skip


def _people(reading: PrintedList, rows: Iterable[Enrolled]) -> Iterator[Enrolled]:
    """Each person once, with what all their lines say; lines that contradict each other are noted."""
    found: dict[tuple[bool, str], Enrolled] = {}
    for row in rows:
        first = found.setdefault(row.key, row)
        if first is row:
            continue
        line = row.lines[0]
        if first.required is not row.required:
            reading.wrong(line, "required", f"{first.lines[0]}行目の同じ人と違います。どちらかに揃えてください。")
        if _other_number(first, row):
            reading.problems.append(FeedProblem(
                line, reading.heading("employee_number"), f"{first.lines[0]}行目の同じ人と職員番号が違います。"
            ))  # fmt: skip
        found[row.key] = replace(
            first, lines=first.lines + row.lines, kinds=first.kinds | row.kinds,
            other_words=first.other_words | row.other_words,
        )  # fmt: skip
    yield from found.values()


def _other_number(first: Enrolled, second: Enrolled) -> bool:
    numbers = {name_key(one.employee_number or "") for one in (first, second)}
    return first.login_name is not None and len(numbers) > 1
