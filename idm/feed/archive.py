"""The parts of a packed spreadsheet (XLSX is a ZIP of XML files), unpacked only within limits.

What an archive says of its sizes is not believed: every part is unpacked here once, piece by piece, and counted, before
any other reader sees the file.
"""

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping

from idm.errors import FeedRefused
from idm.feed.problem import FeedProblem, refusal
from idm.feed.profile import FeedLimits

MAX_PARTS = 500
"""The most parts an archive may have."""

MAX_RATIO = 100
"""How many times larger than packed a part may become, from `RATIO_FROM` bytes on."""

RATIO_FROM = 1_000_000
"""Below this size (bytes) a part may be packed as tightly as it likes."""

PIECE = 65_536

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LOCAL_HEADER = 30


def broken(reason: str) -> FeedRefused:
    """The refusal of a file that is no sound XLSX."""
    return refusal([FeedProblem(None, None, f"XLSX ファイルとして読めません。{reason}")])


class Archive:
    """An archive whose list of parts has been checked; `pieces` unpacks one part and counts towards the limit."""

    def __init__(self, data: bytes, limits: FeedLimits) -> None:
        """Raises FeedRefused for what is no XLSX, is locked, or says itself that it is too large."""
        _require_zip(data)
        if len(data) > limits.max_bytes:
            raise broken(f"大きすぎます（{len(data)}バイト。上限は{limits.max_bytes}バイトです）。")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                listed = packed.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
            raise broken("ファイルが途中で切れているか、壊れています。") from None
        _require_modest(listed, limits)
        self._data = data
        self._limits = limits
        self._unpacked = 0
        self.parts: Mapping[str, zipfile.ZipInfo] = {part.filename.lower(): part for part in listed}

    def pieces(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a part, piece by piece. Raises FeedRefused where they are not what was declared."""
        part = self.parts[name.lower()]
        size, checksum = 0, 0
        try:
            for piece in _unpacked(self._data, part):
                size += len(piece)
                self._unpacked += len(piece)
                checksum = zlib.crc32(piece, checksum)
                if self._unpacked > self._limits.max_unpacked_bytes:
                    raise _too_large(self._limits)
                if size > part.file_size or _too_tight(size, part.compress_size):
                    raise broken("展開すると、書かれている大きさより大きくなります。")
                yield piece
        except (zlib.error, struct.error):
            raise broken("ファイルが途中で切れているか、壊れています。") from None
        if size != part.file_size or checksum != part.CRC:
            raise broken("中身が、書かれている大きさか検査値と合いません。ファイルが壊れています。")


def _require_zip(data: bytes) -> None:
    if data.startswith(_COMPOUND):
        if _ENCRYPTED in data:
            raise broken("パスワードがかかっています。パスワードを外して保存し直してください。")
        raise broken("古い形式（.xls）です。「Excel ブック（.xlsx）」で保存し直してください。")
    if not data:
        raise refusal([FeedProblem(None, None, "ファイルが空です。")])
    if not data.startswith(_ZIP):
        raise broken("XLSX ではない種類のファイルです。定義の format を確かめてください。")


def _require_modest(listed: list[zipfile.ZipInfo], limits: FeedLimits) -> None:
    if len(listed) > MAX_PARTS:
        raise broken(f"中のファイルが多すぎます（{len(listed)}個。上限は{MAX_PARTS}個です）。")
    names = Counter(part.filename.lower() for part in listed)
    if names and max(names.values()) > 1:
        raise broken("同じ名前の部分が二つあります。")
    if any(part.flag_bits & 0x1 for part in listed):
        raise broken("パスワードがかかっています。パスワードを外して保存し直してください。")
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in listed):
        raise broken("知らない圧縮方法です。")
    if sum(part.file_size for part in listed) > limits.max_unpacked_bytes:
        raise _too_large(limits)
    if any(_too_tight(part.file_size, part.compress_size) for part in listed):
        raise broken(f"展開すると{MAX_RATIO}倍より大きくなる部分があります。")
    if "xl/vbaproject.bin" in names:
        raise broken("マクロがあります。マクロのない「Excel ブック（.xlsx）」で保存し直してください。")
    if "xl/workbook.xml" not in names:
        raise broken("Excel ブック（.xlsx）ではありません。")


def _too_large(limits: FeedLimits) -> FeedRefused:
    return broken(f"展開すると大きすぎます（上限は{limits.max_unpacked_bytes}バイトです）。")


def _too_tight(size: int, packed: int) -> bool:
    return size > RATIO_FROM and size > MAX_RATIO * packed


def _unpacked(data: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes a reader would get that trusts no declared size. Raises zlib.error or struct.error."""
    start = part.header_offset
    if data[start : start + 4] != _ZIP:
        raise struct.error
    name, extra = struct.unpack("<HH", data[start + 26 : start + _LOCAL_HEADER])
    begin = start + _LOCAL_HEADER + name + extra
    packed = memoryview(data)[begin : begin + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        for place in range(0, len(packed), PIECE):
            yield bytes(packed[place : place + PIECE])
        return
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    for place in range(0, len(packed), PIECE):
        rest = bytes(packed[place : place + PIECE])
        while rest:
            yield unpacker.decompress(rest, PIECE)
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                return
    while not unpacker.eof and (piece := unpacker.decompress(b"", PIECE)):
        yield piece
    if not unpacker.eof:
        raise zlib.error
