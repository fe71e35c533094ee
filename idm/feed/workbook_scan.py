"""What must be known of a spreadsheet's XML before it is read: formulas, errors, merged and hidden cells, its extent.

Read as a stream, in bounded memory. A document type declaration (DTD) is refused wherever it stands: no entity is ever
expanded.
"""

import re
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

from idm.feed.archive import Archive, broken
from idm.feed.profile import FeedLimits

MAX_SHEETS = 50
MAX_STRINGS = 2_000_000
NAMED = 5
"""How many cells a refusal names."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)
_YES = frozenset({"1", "true", "on"})
Attributes = dict[str, str]


@dataclass
class SheetFacts:
    """What one sheet holds besides values. Rows and columns count from 1; `text` is the number of its characters."""

    last_row: int = 0
    last_column: int = 0
    text: int = 0
    formulas: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: bool = False


@dataclass(frozen=True)
class WorkbookFacts:
    """The worksheets by name, in order, and the day count."""

    sheets: dict[str, SheetFacts]
    since_1904: bool


def scan_workbook(archive: Archive, limits: FeedLimits) -> WorkbookFacts:
    """What the workbook holds. Raises FeedRefused where any part is no sound XML or unpacks beyond the limits."""
    book, relations, strings = _Book(), _Relations(), _Strings()
    seen = {"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedstrings.xml"}
    for name, scan in (("xl/workbook.xml", book), ("xl/_rels/workbook.xml.rels", relations)):
        if name not in archive.parts:
            raise broken("ブックの中身が足りません。")
        _scan(archive, name, scan)
    if "xl/sharedstrings.xml" in archive.parts:
        _scan(archive, "xl/sharedStrings.xml", strings)
    if len(book.sheets) > MAX_SHEETS:
        raise broken(f"シートが多すぎます（{len(book.sheets)}枚。上限は{MAX_SHEETS}枚です）。")
    sheets: dict[str, SheetFacts] = {}
    for title, relation in book.sheets:
        path = relations.worksheets.get(relation, "").lower()
        if not path:
            continue
        if path not in archive.parts or path in seen or title in sheets:
            raise broken("シートの中身が足りないか、二重になっています。")
        seen.add(path)
        sheet = _Sheet(limits, strings.lengths)
        _scan(archive, path, sheet)
        sheets[title] = sheet.facts
    for name in archive.parts:
        if name not in seen:
            _pass_over(archive, name)
    return WorkbookFacts(sheets, book.since_1904)


class _Scan:
    """What an element that begins or ends, or the text between, means to one kind of part."""

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text stands in an element."""


class _Book(_Scan):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((attributes.get("name", ""), relation))
        elif tag == "workbookPr":
            self.since_1904 = attributes.get("date1904", "") in _YES


class _Relations(_Scan):
    def __init__(self) -> None:
        self.worksheets: dict[str, str] = {}

    def start(self, tag: str, attributes: Attributes) -> None:
        kind, target = attributes.get("Type", ""), attributes.get("Target", "")
        if tag != "Relationship":
            return
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if kind.endswith("/worksheet"):
            self.worksheets[attributes.get("Id", "")] = path
        elif kind.endswith("/sharedStrings") and path.lower() != "xl/sharedstrings.xml":
            raise broken("文字列の置き場所が決まりと違います。")


class _Strings(_Scan):
    def __init__(self) -> None:
        self.lengths = array("L")
        self._length = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "si":
            self._length = 0

    def text(self, text: str) -> None:
        self._length += len(text)

    def end(self, tag: str) -> None:
        if tag == "si":
            self.lengths.append(self._length)
            if len(self.lengths) > MAX_STRINGS:
                raise broken("文字列が多すぎます。")


class _Sheet(_Scan):
    """Follows rows and cells; both must come in ascending order, as every spreadsheet program writes them."""

    def __init__(self, limits: FeedLimits, lengths: "array[int]") -> None:
        self.facts = SheetFacts()
        self._limits = limits
        self._lengths = lengths
        self._row = self._column = 0
        self._cell: str | None = None
        self._kind = ""
        self._value: list[str] | None = None

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "row":
            self._begin_row(attributes)
        elif tag == "c":
            self._begin_cell(attributes)
        elif tag == "f" and self._cell:
            _note(self.facts.formulas, self._cell)
        elif tag in ("v", "is") and self._cell:
            self._value = []
        elif tag == "mergeCell":
            _note(self.facts.merged, attributes.get("ref", ""))
        elif tag == "col" and attributes.get("hidden", "") in _YES:
            self.facts.hidden_columns = True

    def text(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)

    def end(self, tag: str) -> None:
        if tag in ("v", "is") and self._value is not None:
            self._valued("".join(self._value))
            self._value = None
        elif tag == "c":
            self._cell = None

    def _begin_row(self, attributes: Attributes) -> None:
        row = _number(attributes.get("r", str(self._row + 1)))
        if row <= self._row:
            raise broken("行の順序が正しくありません。")
        self._row, self._column = row, 0
        if attributes.get("hidden", "") in _YES:
            self.facts.hidden_rows.append(row)
            self._within_limits(len(self.facts.hidden_rows), 1)

    def _begin_cell(self, attributes: Attributes) -> None:
        column = self._column + 1
        if "r" in attributes:
            reference = _REFERENCE.fullmatch(attributes["r"])
            if reference is None or int(reference[2]) != self._row:
                raise broken("セルの番地が正しくありません。")
            column = _column_number(reference[1])
        if column <= self._column:
            raise broken("セルの順序が正しくありません。")
        self._column = column
        self._cell = f"{_column_letters(column)}{self._row}"
        self._kind = attributes.get("t", "")
        if self._kind == "e":
            _note(self.facts.errors, self._cell)

    def _valued(self, value: str) -> None:
        facts = self.facts
        facts.last_row, facts.last_column = self._row, max(facts.last_column, self._column)
        self._within_limits(facts.last_row, facts.last_column)
        facts.text += len(value)
        if self._kind == "s":
            index = _number(value.strip())
            if index >= len(self._lengths):
                raise broken("文字列の番号が正しくありません。")
            facts.text += self._lengths[index]
        if facts.text > self._limits.max_unpacked_bytes:
            raise broken("文字が多すぎます。")

    def _within_limits(self, row: int, column: int) -> None:
        limits = self._limits
        if row > limits.max_rows + 3:
            raise broken(f"行が多すぎます（上限は職員{limits.max_rows}行です）。")
        if column > limits.max_columns:
            raise broken(f"列が多すぎます（上限は{limits.max_columns}列です）。")
        if row * column > limits.max_cells:
            raise broken(f"セルが多すぎます（上限は{limits.max_cells}個です）。")


def _note(found: list[str], cell: str) -> None:
    if len(found) <= NAMED:
        found.append(cell)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise broken("行や文字列の番号が正しくありません。")
    return int(text)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- streams ---------------------------------------------------------------------------------------------------------


def _pass_over(archive: Archive, name: str) -> None:
    """Unpacks a part that nobody reads, so that it is counted; XML is looked through for a DTD."""
    if name.endswith((".xml", ".rels", ".vml")):
        _scan(archive, name, _Scan())
        return
    for _ in archive.pieces(name):
        pass


def _scan(archive: Archive, name: str, scan: _Scan) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.StartElementHandler = _locally(scan.start)
    parser.EndElementHandler = _locally(scan.end)
    parser.CharacterDataHandler = scan.text
    _parse(parser, archive.pieces(name))


def _parse(parser: expat.XMLParserType, pieces: Iterable[bytes]) -> None:
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError):  # the last two: an encoding that nobody knows, or cannot read
        raise broken("中の XML が途中で切れているか、壊れています。") from None


def _locally(handler: Callable[..., None]) -> Callable[..., None]:
    """The handler called with names that have lost their prefix."""

    def called(tag: str, *rest: Attributes) -> None:
        handler(tag.rpartition(":")[2], *rest)

    return called


def _refuse_declaration(*_: object) -> None:
    raise broken("文書型宣言（DTD）があります。")
