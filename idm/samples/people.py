"""Makes the personnel files of the samples: the same people, numbers and dates at every run, on every machine."""

import random
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path

from idm.samples import NEXT_FEED, SAMPLE_FEED
from idm.samples.names import FAMILY_NAMES, GIVEN_NAMES, RARE_NAMES
from idm.wareki import ERAS, format_wareki

SEED = 20260401
THIS_YEAR = date(2026, 4, 1)
NEXT_SNAPSHOT = date(2026, 10, 1)
END_OF_YEAR = date(2027, 3, 31)

UNITS = {
    "0100": "事務局",
    "0200": "総務課",
    "0210": "総務課総務係",
    "0220": "総務課人事係",
    "0230": "総務課経理係",
    "0300": "年金課",
    "0310": "年金課長期給付係",
    "0320": "年金課年金相談係",
    "0330": "年金課記録係",
    "0400": "保健課",
    "0410": "保健課医療給付係",
    "0420": "保健課保健事業係",
    "0430": "保健課レセプト点検係",
    "0500": "福祉課",
    "0510": "福祉課貸付係",
    "0520": "福祉課貯金係",
    "0530": "福祉課福利施設係",
    "0600": "資格審査課",
    "0610": "資格審査課資格係",
    "0620": "資格審査課標準報酬係",
    "0630": "資格審査課審査係",
    "0700": "情報システム課",
    "0710": "情報システム課情報管理係",
    "0720": "情報システム課システム運用係",
    "0800": "監査室",
}
SECTIONS = tuple(code for code in UNITS if code.endswith("00") and "0200" <= code < "0800")
SUBSECTIONS = tuple(code for code in UNITS if not code.endswith("00"))

HEADINGS = (
    "職員番号", "氏名", "カナ氏名", "生年月日", "所属コード", "所属名", "職名", "本務兼務区分", "任用形態",
    "採用日", "任期満了日", "退職日", "発令日", "メールアドレス",
)  # fmt: skip


@dataclass(frozen=True)
class Worker:
    """One person as the invented personnel system has them. `term_end` and `left_on` are last days."""

    staff_number: str
    name: str
    kana: str
    birth_date: date
    unit: str
    post: str
    kind: str
    employed_from: date
    assigned_from: date
    term_end: date | None = None
    left_on: date | None = None
    mail: bool = True
    concurrent: tuple[tuple[str, str], ...] = ()


def _officer(number: str, name: str, kana: str, born: date, unit: str, post: str) -> Worker:
    hired = date(born.year + 23, 4, 1)
    return Worker(number, name, kana, born, unit, post, "正規", hired, date(2025, 4, 1))


OFFICERS = (
    _officer("000401", "髙橋　誠一", "タカハシ セイイチ", date(1966, 5, 12), "0100", "事務局長"),
    _officer("000407", "濵田　惠子", "ハマダ ケイコ", date(1967, 11, 3), "0100", "事務局参事"),
    _officer("000412", "渡邉　正樹", "ワタナベ マサキ", date(1968, 2, 29), "0100", "事務局次長"),
    _officer("000418", "山﨑　由美子", "ヤマサキ ユミコ", date(1970, 8, 21), "0200", "課長"),
    _officer("000423", "齋藤　隆", "サイトウ タカシ", date(1971, 1, 7), "0300", "課長"),
    _officer("000429", "村上　佐知子", "ムラカミ サチコ", date(1972, 12, 25), "0400", "課長"),
    _officer("000434", "德永　晃", "トクナガ アキラ", date(1970, 3, 31), "0500", "課長"),
    _officer("000440", "五十嵐　みどり", "イガラシ ミドリ", date(1973, 7, 16), "0600", "課長"),
    _officer("000445", "久保　英俊", "クボ ヒデトシ", date(1974, 9, 9), "0700", "課長"),
    _officer("000451", "能見　恒雄", "ノウミ ツネオ", date(1969, 4, 2), "0800", "監査室長"),
    _officer("000456", "平野　香代", "ヒラノ カヨ", date(1979, 6, 30), "0220", "係長"),
    _officer("000462", "上野　直人", "ウエノ ナオト", date(1981, 10, 10), "0710", "係長"),
)
"""The people whose posts decide something. Their names and numbers are fixed, whoever else is made."""


class Invention:
    """The dice of the samples: names nobody has twice, and days that fit a working life."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 -- invented people, no secret
        self._taken = {officer.name for officer in OFFICERS}
        self._rare = list(RARE_NAMES)
        self._made = 0

    def below(self, limit: int) -> int:
        """A number from 0 up to, not including, the limit. Built on `random()`, the method Python keeps stable."""
        return int(self._dice.random() * limit)

    def name(self) -> tuple[str, str]:
        """A name and its reading; every fortieth one is rare."""
        self._made += 1
        if self._made % 40 == 0 and self._rare:
            return self._rare.pop(0)
        while True:
            family, family_kana = FAMILY_NAMES[self.below(len(FAMILY_NAMES))]
            given, given_kana = GIVEN_NAMES[self.below(len(GIVEN_NAMES))]
            if (name := f"{family}　{given}") not in self._taken:
                self._taken.add(name)
                return name, f"{family_kana} {given_kana}"

    def day_in(self, year: int) -> date:
        """A day of the year."""
        return date(year, 1 + self.below(12), 1 + self.below(28))


def workers() -> tuple[Worker, ...]:
    """Everybody in the personnel file of 2026-04-01, by staff number."""
    dice = Invention(SEED)
    people = [
        *OFFICERS,
        *_chiefs(dice, count(1001, 3)),
        *_regulars(dice, count(2001, 3)),
        *_seconded(dice, count(7001)),
        *_reappointed(dice, count(8001)),
        *_fiscal_year(dice, count(9001)),
    ]
    return tuple(_with_peculiarities(sorted(people, key=lambda worker: worker.staff_number)))


def workers_next() -> tuple[Worker, ...]:
    """Everybody in the personnel file of 2026-10-01: some have moved, some are leaving, some are new."""
    people = {worker.staff_number: worker for worker in workers()}
    people = {number: worker for number, worker in people.items() if not _gone_before(worker, THIS_YEAR)}
    for number, unit in MOVERS.items():
        people[number] = replace(people[number], unit=unit, assigned_from=NEXT_SNAPSHOT)
    for number in LEAVERS:
        people[number] = replace(people[number], left_on=date(2026, 9, 30))
    newcomers = (*JOINERS, WITH_GAIJI)
    return tuple(sorted((*people.values(), *newcomers), key=lambda worker: worker.staff_number))


def write_samples(feed: Path = SAMPLE_FEED, following: Path = NEXT_FEED) -> None:
    """Afterwards both files stand as this module makes them."""
    feed.write_bytes(feed_file(workers()))
    following.write_bytes(feed_file(workers_next()))


# --- who they are ----------------------------------------------------------------------------------------------------


def _chiefs(dice: Invention, numbers: Iterator[int]) -> Iterator[Worker]:
    """課長補佐 of every 課, 係長 of every 係 that no officer leads, and the auditors."""
    led = {officer.unit for officer in OFFICERS}
    posts = [(unit, "課長補佐") for unit in SECTIONS for _ in range(2)]
    posts += [(unit, "係長") for unit in SUBSECTIONS if unit not in led]
    posts += [("0800", "主査")] * 3
    for unit, post in posts:
        born = dice.day_in(1972 + dice.below(14))
        yield _regular(dice, next(numbers), born, unit, post)


def _regulars(dice: Invention, numbers: Iterator[int]) -> Iterator[Worker]:
    for unit in SUBSECTIONS:
        for _ in range(9):
            born = dice.day_in(1976 + dice.below(27))
            post = "主査" if born.year < 1984 else "主任" if born.year < 1993 else "主事"
            yield _regular(dice, next(numbers), born, unit, post)


def _regular(dice: Invention, number: int, born: date, unit: str, post: str) -> Worker:
    hired = date(min(born.year + 23 + dice.below(4), 2026), 4, 1)
    assigned = max(hired, date(2022 + dice.below(5), 4, 1))
    return Worker(f"{number:06}", *dice.name(), born, unit, post, "正規", hired, assigned)


def _seconded(dice: Invention, numbers: Iterator[int]) -> Iterator[Worker]:
    """派遣 from member towns, and 任期付 specialists of the information systems."""
    for unit in ("0310", "0320", "0410", "0420", "0510", "0610", "0620", "0710"):
        start = date(2024 + dice.below(3), 4, 1)
        born = dice.day_in(1985 + dice.below(12))
        yield Worker(f"{next(numbers):06}", *dice.name(), born, unit, "主任", "派遣", start, start)
    for unit in ("0710", "0710", "0720", "0720", "0720"):
        start, end = date(2024, 4, 1), date(2029, 3, 31)
        born = dice.day_in(1980 + dice.below(12))
        yield Worker(f"{next(numbers):06}", *dice.name(), born, unit, "主任", "任期付", start, start, term_end=end)


def _reappointed(dice: Invention, numbers: Iterator[int]) -> Iterator[Worker]:
    for unit in SUBSECTIONS[:12]:
        born = dice.day_in(1962 + dice.below(3))
        name = dice.name()
        yield Worker(
            f"{next(numbers):06}", *name, born, unit, "主査", "再任用", THIS_YEAR, THIS_YEAR, term_end=END_OF_YEAR
        )


def _fiscal_year(dice: Invention, numbers: Iterator[int]) -> Iterator[Worker]:
    for unit in SUBSECTIONS:
        for place in range(4):
            kind = "会計年度フル" if place < 2 else "会計年度パート"
            born = dice.day_in(1965 + dice.below(38))
            name = dice.name()
            yield Worker(
                f"{next(numbers):06}", *name, born, unit, "事務補助員", kind, THIS_YEAR, THIS_YEAR,
                term_end=END_OF_YEAR, mail=place < 3,
            )  # fmt: skip


CONCURRENT = {
    "001001": ("0230", "課長補佐"),
    "001010": ("0420", "課長補佐"),
    "001022": ("0700", "課長補佐"),
    "002001": ("0220", "主査"),
    "002052": ("0320", "主任"),
    "002103": ("0720", "主任"),
}
"""Who holds a second post (兼務), and which."""

LEFT_ON = {"002010": date(2026, 3, 31), "002070": date(2026, 9, 30), "001004": date(2027, 3, 31)}
"""Whose 退職日 the file of 2026-04-01 already says."""

HOMONYMS = ("002031", "002121")
"""Two people with one name and reading, born on different days."""

MOVERS = {"002013": "0310", "002040": "0210", "002076": "0520", "002130": "0620", "009011": "0430"}
"""Who is in another unit from 2026-10-01."""

LEAVERS = ("002025", "009020")
"""Who leaves on 2026-09-30 without the earlier file having said so."""


def _with_peculiarities(people: Iterable[Worker]) -> Iterator[Worker]:
    everybody = {worker.staff_number: worker for worker in people}
    first, second = (everybody[number] for number in HOMONYMS)
    everybody[HOMONYMS[1]] = replace(second, name=first.name, kana=first.kana)
    for number, post in CONCURRENT.items():
        everybody[number] = replace(everybody[number], concurrent=(post,))
    for number, day in LEFT_ON.items():
        everybody[number] = replace(everybody[number], left_on=day)
    yield from everybody.values()


def _gone_before(worker: Worker, day: date) -> bool:
    return worker.left_on is not None and worker.left_on < day


def _joiner(number: str, name: str, kana: str, born: date, unit: str, post: str, kind: str) -> Worker:
    end = None if kind == "正規" else END_OF_YEAR
    return Worker(number, name, kana, born, unit, post, kind, NEXT_SNAPSHOT, NEXT_SNAPSHOT, term_end=end)


JOINERS = (
    _joiner("002501", "小島　湊", "コジマ ミナト", date(2001, 5, 4), "0610", "主事", "正規"),
    _joiner("002504", "渡邊　結衣", "ワタナベ ユイ", date(1998, 12, 31), "0210", "主事", "正規"),
    _joiner("007014", "十河　亮", "ソゴウ リョウ", date(1988, 2, 14), "0720", "主任", "任期付"),
    _joiner("009101", "レ　ヴァン　ミン", "レ ヴァン ミン", date(1995, 9, 2), "0430", "事務補助員", "会計年度フル"),
)
"""Who starts on 2026-10-01."""

WITH_GAIJI = _joiner(
    "009102", "\ue000田　典子", "ツジタ ノリコ", date(1977, 3, 8), "0330", "事務補助員", "会計年度パート"
)
"""Who starts on 2026-10-01 with a character (CP932 F040) that only the sending system can show."""


# --- how the file says it --------------------------------------------------------------------------------------------


def feed_file(people: Iterable[Worker]) -> bytes:
    """The personnel file in CP932: heading, a row for every post, and the count row."""
    rows = [cells for worker in people for cells in _rows(worker)]
    lines = [",".join(cells) for cells in (HEADINGS, *rows, ("件数", str(len(rows))))]
    return "".join(f"{line}\r\n" for line in lines).encode("cp932")


def _rows(worker: Worker) -> Iterator[tuple[str, ...]]:
    posts = [(worker.unit, worker.post, "本務"), *((unit, post, "兼務") for unit, post in worker.concurrent)]
    for unit, post, post_kind in posts:
        yield (
            worker.staff_number,
            worker.name,
            half_width(worker.kana),
            _short_wareki(worker.birth_date),
            unit,
            UNITS[unit],
            post,
            post_kind,
            worker.kind,
            format_wareki(worker.employed_from),
            _short_wareki(worker.term_end) if worker.term_end else "99999999",
            format_wareki(worker.left_on) if worker.left_on else "",
            format_wareki(worker.assigned_from),
            f"s{worker.staff_number}@example.jp" if worker.mail else "",
        )


def _short_wareki(day: date) -> str:
    """S45.05.12, as older personnel systems print it."""
    era = next(era for era in reversed(ERAS) if era.begins <= day)
    return f"{era.letter}{day.year - era.year_one + 1:02}.{day:%m.%d}"


_HALF_WIDTH = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
_HALF_WIDTH |= {"\u3099": "ﾞ", "\u309a": "ﾟ", "・": "･"}


def half_width(katakana: str) -> str:
    """The text in half-width katakana, voiced marks apart."""
    return "".join(_HALF_WIDTH.get(sign, sign) for sign in unicodedata.normalize("NFD", katakana))


if __name__ == "__main__":
    write_samples()
