"""Makes the sample's appointment notice (発令一覧) of 2027-04-01: many move, and each kind of event happens once.

As in life, the file comes before the day, and what it says of 1 April is not published before 25 March (内示).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from idm.samples import ORDERS_FEED
from idm.samples.people import (
    END_OF_YEAR,
    HOMONYMS,
    LEAVERS,
    LEFT_ON,
    MOVERS,
    SEED,
    UNITS,
    Invention,
    Worker,
    half_width,
    workers,
)
from idm.wareki import format_wareki

APRIL = date(2027, 4, 1)
PUBLISHED = date(2027, 3, 25)
END_OF_NEXT_YEAR = date(2028, 3, 31)
HEADINGS = (
    "職員番号", "氏名", "カナ氏名", "旧姓・通称", "ローマ字", "生年月日", "異動区分", "取消区分", "発令日",
    "所属コード", "所属名", "職名", "前所属コード", "前職名", "任用形態", "旧職員番号", "任期満了日",
    "休職等終了予定日", "メールアドレス", "内示公表日",
)  # fmt: skip
SUBSECTIONS = tuple(code for code in UNITS if not code.endswith("00"))


@dataclass(frozen=True)
class Order:
    """One line of the notice; empty texts are empty cells. `term_end` and `away_until` are last days."""

    worker: Worker
    kind: str
    day: date
    number: str = ""
    unit: str = ""
    post: str = ""
    former_unit: str = ""
    former_post: str = ""
    employment: str = ""
    former_number: str = ""
    name: str = ""
    work_name: str = ""
    term_end: date | None = None
    away_until: date | None = None
    published_on: date | None = PUBLISHED


def orders() -> tuple[Order, ...]:
    """The notice, by staff number."""
    people = {worker.staff_number: worker for worker in workers()}
    lines = [*_transfers(people), *_renewals(people), *_special(people), _newcomer()]
    return tuple(sorted(lines, key=lambda order: (order.number or order.worker.staff_number, order.day)))


def write_sample(path: Path = ORDERS_FEED) -> None:
    """Afterwards the file stands as this module makes it."""
    rows = [_cells(order) for order in orders()]
    lines = [",".join(cells) for cells in (HEADINGS, *rows, ("件数", str(len(rows))))]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp932"))


SPECIAL = {
    "leave": "002016", "back": "002019", "renamed": "002028", "promoted": "002034", "concurrent": "002037",
    "seconded": "002043", "resigned": "002046",
}  # fmt: skip
"""Who meets which of the rarer events."""


def _transfers(people: dict[str, Worker]) -> Iterator[Order]:
    """Every third of the regular staff goes to another 係, from 1 April."""
    dice = Invention(SEED + 1)
    apart = {*SPECIAL.values(), *MOVERS, *LEAVERS, *LEFT_ON, *HOMONYMS, "002061"}
    regulars = [w for number, w in people.items() if number.startswith("002") and number not in apart]
    for worker in regulars[::3]:
        others = [unit for unit in SUBSECTIONS if unit != worker.unit]
        yield Order(worker, "異動", APRIL, unit=others[dice.below(len(others))], post=worker.post)


def _renewals(people: dict[str, Worker]) -> Iterator[Order]:
    """会計年度任用 and 再任用 are renewed under a new number, the day after the old one ends."""
    ending = [w for w in people.values() if w.term_end == END_OF_YEAR and w.staff_number not in {*MOVERS, *LEAVERS}]
    for place, worker in enumerate(ending[::2]):
        kind = "再任用" if worker.kind == "再任用" else "任期更新"
        yield Order(
            worker, kind, APRIL, number=f"{9500 + place:06}", unit=worker.unit, post=worker.post,
            employment=worker.kind, former_number=worker.staff_number, term_end=END_OF_NEXT_YEAR, published_on=None,
        )  # fmt: skip


def _special(people: dict[str, Worker]) -> Iterator[Order]:
    who = {event: people[number] for event, number in SPECIAL.items()}
    yield Order(who["leave"], "育児休業", date(2026, 11, 15), away_until=date(2027, 11, 14), published_on=None)
    yield Order(who["back"], "病気休職", date(2026, 11, 1), published_on=None)
    yield Order(who["back"], "復職", APRIL)
    married = who["renamed"]
    yield Order(
        married, "氏名変更", date(2026, 10, 1), name=f"月島{married.name[married.name.index('　'):]}",
        work_name=married.name, published_on=None,
    )  # fmt: skip
    yield Order(who["promoted"], "昇任", APRIL, unit=who["promoted"].unit, post="係長")
    yield Order(who["concurrent"], "兼務", APRIL, unit="0720", post="主査")
    yield Order(people["002001"], "兼務解除", APRIL, former_unit="0220", former_post="主査")
    yield Order(who["seconded"], "派遣", APRIL, away_until=date(2029, 3, 31))
    yield Order(who["resigned"], "普通退職", date(2027, 1, 31), published_on=None)


def _newcomer() -> Order:
    new = Worker(
        "002601", "青柳　渚", "アオヤギ ナギサ", date(2004, 7, 21), "0420", "主事", "正規", APRIL, APRIL
    )  # fmt: skip
    return Order(new, "新規採用", APRIL, unit=new.unit, post=new.post, employment=new.kind)


def _cells(order: Order) -> tuple[str, ...]:
    worker = order.worker
    number = order.number or worker.staff_number
    family = "ツキシマ" if order.name else worker.kana.partition(" ")[0]
    mail = f"s{number}@example.jp" if worker.mail else ""
    return (
        number, order.name or worker.name, half_width(f"{family} {worker.kana.partition(' ')[2]}"), order.work_name, "",
        worker.birth_date.strftime("%Y%m%d"), order.kind, "", format_wareki(order.day), order.unit,
        UNITS.get(order.unit, ""), order.post, order.former_unit, order.former_post, order.employment,
        order.former_number, _day(order.term_end), _day(order.away_until), mail, _day(order.published_on),
    )  # fmt: skip


def _day(day: date | None) -> str:
    return format_wareki(day) if day is not None else ""


if __name__ == "__main__":
    write_sample()
