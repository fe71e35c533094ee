"""Spreadsheets made to break their reader: bombs of every kind, locked, old and contradictory archives."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from tests.feed.files import spreadsheet, with_part

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
_CENTRAL = b"PK\x01\x02"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def bombs(sound: bytes) -> Iterator[tuple[str, bytes]]:
    """Each bomb with its name; none is larger than a few hundred kilobytes."""
    yield "bomb/declared-size", declaring(sound, SHEET, 3_000_000_000)
    yield "bomb/declared-too-small", declaring(_filled(sound, 1_500_000), "xl/media/x.bin", 10)
    yield "bomb/lying-size-and-checksum", lying(_filled(sound, 1_500_000), "xl/media/x.bin")
    yield "bomb/ratio", _filled(sound, 15_000_000)
    yield "bomb/unpacked-size", _filled(sound, 25_000_000)
    yield "bomb/ratio-in-sheet", with_part(sound, SHEET, lambda xml: xml + b" " * 15_000_000)
    yield "bomb/many-parts", _many_parts(sound, 600)
    yield "bomb/many-sheets", spreadsheet([["職員番号"]], change=_many_sheets)
    yield "bomb/far-cell", with_part(sound, SHEET, lambda xml: _far_cell(xml, "XFD1048576", 1_048_576))
    yield "bomb/far-column", with_part(sound, SHEET, lambda xml: _far_cell(xml, "XFD900", 900))
    yield "bomb/far-row", with_part(sound, SHEET, lambda xml: _far_cell(xml, "A1048576", 1_048_576))
    yield "bomb/huge-row-number", with_part(sound, SHEET, lambda xml: _far_cell(xml, "A99999999999", 99_999_999_999))
    yield "bomb/shared-strings", with_part(sound, STRINGS, lambda xml: _more(xml, b"</sst>", b"<si/>" * 3_000_000))
    yield "bomb/long-string", with_part(sound, STRINGS, _long_string)
    yield "bomb/entities", with_part(sound, STRINGS, _entities)
    yield "bomb/entities-in-sheet", with_part(sound, SHEET, _entities)
    yield "bomb/entities-in-styles", with_part(sound, "xl/styles.xml", _entities)
    yield "bomb/deep", with_part(sound, SHEET, lambda xml: _more(xml, b"</worksheet>", b"<a>" * 200_000))
    yield "archive/locked", _locked(sound)
    yield "archive/office-password", _COMPOUND + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 512
    yield "archive/old-xls", _COMPOUND + b"\0" * 2000
    yield "archive/no-zip", "職員番号,氏名\r\n".encode()
    yield "archive/empty-zip", b"PK\x05\x06" + b"\0" * 18
    yield "archive/before-it", b"MZ" + sound
    yield "archive/macro", with_part(sound, "xl/vbaProject.bin", lambda _: b"x")
    yield "archive/no-workbook", _without(sound, "xl/workbook.xml")
    yield "archive/no-sheet", _without(sound, SHEET)
    yield "archive/no-strings", _without(sound, STRINGS)
    yield "archive/name-twice", _part_twice(sound)
    yield "archive/broken-sheet", with_part(sound, SHEET, lambda xml: xml[: len(xml) // 2])
    yield "archive/broken-workbook", with_part(sound, "xl/workbook.xml", lambda xml: xml[:-20])
    yield "archive/string-of-no-number", with_part(sound, SHEET, lambda xml: xml.replace(b"<v>0</v>", b"<v>x</v>"))
    yield "archive/string-beyond", with_part(sound, SHEET, lambda xml: xml.replace(b"<v>0</v>", b"<v>99999999</v>"))
    yield "archive/cells-out-of-order", with_part(sound, SHEET, lambda xml: xml.replace(b'r="B5"', b'r="A5"'))
    yield "archive/rows-out-of-order", with_part(sound, SHEET, lambda xml: xml.replace(b'row r="5"', b'row r="3"'))
    for place in range(20):
        at = len(sound) * place // 20
        yield f"archive/byte-changed-{place:02}", sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :]


def error_value(sound: bytes, cell: str) -> bytes:
    """The spreadsheet with an error value, without a formula, in one cell (which is there or not)."""

    def spoil(xml: bytes) -> bytes:
        error = f'<c r="{cell}" t="e"><v>#N/A</v></c>'.encode()
        spoilt, times = re.subn(rb'<c r="%s"[^>]*>.*?</c>' % cell.encode(), error, xml, count=1)
        return spoilt if times else re.sub(rb"</row>", error + b"</row>", xml, count=2)

    return with_part(sound, SHEET, spoil)


def declaring(data: bytes, part: str, size: int) -> bytes:
    """The archive whose list of parts says another size of one part."""
    place = _entry(data, part)
    return data[: place + 24] + struct.pack("<I", min(size, 0xFFFFFFFE)) + data[place + 28 :]


def lying(data: bytes, part: str) -> bytes:
    """The archive that says a part is ten bytes long, with the checksum of its first ten bytes."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        checksum = zlib.crc32(packed.read(part)[:10])
    place = _entry(data, part)
    told = declaring(data, part, 10)
    return told[: place + 16] + struct.pack("<I", checksum) + told[place + 20 :]


def _entry(data: bytes, part: str) -> int:
    place = -1
    while (place := data.index(_CENTRAL, place + 1)) >= 0:
        (length,) = struct.unpack("<H", data[place + 28 : place + 30])
        if data[place + 46 : place + 46 + length] == part.encode():
            return place
    raise ValueError(part)


def _filled(sound: bytes, size: int) -> bytes:
    return with_part(sound, "xl/media/x.bin", lambda _: b"\0" * size)


def _many_parts(sound: bytes, count: int) -> bytes:
    out = io.BytesIO(sound)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as packed:
        for number in range(count):
            packed.writestr(zipfile.ZipInfo(f"xl/media/{number}.txt"), b"x")
    return out.getvalue()


def _many_sheets(book: object, _: object) -> None:
    for number in range(60):
        book.add_worksheet(f"s{number}").write_string(0, 0, "x")  # type: ignore[attr-defined]


def _more(xml: bytes, before: bytes, added: bytes) -> bytes:
    return xml.replace(before, added + before)


def _far_cell(xml: bytes, cell: str, row: int) -> bytes:
    return _more(xml, b"</sheetData>", f'<row r="{row}"><c r="{cell}"><v>1</v></c></row>'.encode())


def _long_string(xml: bytes) -> bytes:
    """A text of 90 000 signs in place of 本務, which nearly every row shares: hundreds of times as large when read."""
    signs = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(90_000))
    return xml.replace("本務".encode(), signs.encode())


def _entities(xml: bytes) -> bytes:
    declared = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return xml.replace(b"?>", b"?>" + declared, 1)


def _locked(sound: bytes) -> bytes:
    data = bytearray(sound)
    place = -1
    while (place := data.find(_CENTRAL, place + 1)) >= 0:
        data[place + 8] |= 1
    return bytes(data)


def _without(sound: bytes, part: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != part:
                new.writestr(entry, old.read(entry))
    return out.getvalue()


def _part_twice(sound: bytes) -> bytes:
    """A second sheet of the same name in another case: two readers may take a different one of the two."""
    return with_part(sound, SHEET.upper(), lambda _: b"<worksheet/>")
