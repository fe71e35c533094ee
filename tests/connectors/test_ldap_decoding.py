"""Answers as bytes: whatever comes, it is understood rightly or refused, in bounded time and memory."""

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol.rfc4511 import LDAPMessage
from pyasn1.codec.ber import decoder as reference
from pyasn1.error import PyAsn1Error

from connectors.ldap import encoding
from connectors.ldap.connection import Connection
from connectors.ldap.decoding import (
    ANSWERS,
    DONE,
    ENTRY,
    REFERENCE,
    Place,
    entry_places,
    next_message,
    result,
)
from connectors.ldap.encoding import Control, Filter, Operation, Scope, message, octets, search, sequence, tagged
from connectors.ldap.entry_decoding import Columns, Entry, Row, Values, entry, first, row
from connectors.ldap.paging import stream
from connectors.ldap.pipeline import Answer, exchange
from idm.errors import TargetError, TargetRefused, TargetUnavailable

NAMES = st.sampled_from(["uid", "displayName", "sn", "mail", "memberOf", "x-" + "long" * 40])
VALUES = st.lists(st.binary(max_size=200) | st.binary(min_size=126, max_size=130), min_size=1, max_size=4)
ENTRIES = st.tuples(st.text(max_size=90), st.dictionaries(NAMES, VALUES, max_size=5))
COLUMNS = ("UID", "displayname", "memberOf")
Made = tuple[str, dict[str, list[bytes]]]


def encoded_entry(made: Made, message_id: int = 7) -> bytes:
    dn, values = made
    listed = [
        sequence((octets(name), sequence([octets(value) for value in found], 0x31))) for name, found in values.items()
    ]
    return message(message_id, Operation(sequence((octets(dn), sequence(listed)), ENTRY)))


def encoded_result(
    code: int, tag: int = DONE, *, message_id: int = 7, text: str = "", cookie: bytes | None = None
) -> bytes:
    operation = Operation(sequence((tagged(0x0A, bytes((code,))), octets(""), octets(text)), tag))
    controls = [] if cookie is None else [encoding.paged(0, cookie)]
    return message(message_id, operation, controls)


def decoded(buffer: bytes, following: bytes = b"") -> Entry:
    """The one entry in the buffer, as our decoder reads it when other bytes follow."""
    found = next_message(buffer, 0)
    if found is None or found.end != len(buffer) or found.tag != ENTRY:
        raise TargetUnavailable("not one entry")
    return entry(buffer + following, found.operation, found.end)


def row_of(buffer: bytes, following: bytes = b"") -> Row:
    """The same entry as a row of COLUMNS."""
    found = next_message(buffer, 0)
    if found is None or found.end != len(buffer):
        raise TargetUnavailable("not one entry")
    return row(buffer + following, found.operation, found.end, Columns(COLUMNS))


def as_row(values: Values) -> Row:
    """What a row of COLUMNS must be, but for the last two places."""
    return [first(values, name) for name in COLUMNS]


def decoded_by_reference(buffer: bytes) -> Entry:
    """The same by pyasn1 with ldap3's schema, which knows nothing of ours."""
    decoded_message, rest = reference.decode(buffer, asn1Spec=LDAPMessage())
    assert rest == b""
    found = decoded_message["protocolOp"]["searchResEntry"]
    values: Values = {}
    for attribute in found["attributes"]:
        values[bytes(attribute["type"]).decode().lower()] = [bytes(value) for value in attribute["vals"]]
    return Entry(bytes(found["object"]).decode(), values)


def in_lower_case(values: dict[str, list[bytes]]) -> Values:
    return {name.lower(): found for name, found in values.items()}


# --- single messages -------------------------------------------------------------------------------------------------


@given(ENTRIES)
def test_an_entry_comes_back_as_it_was_sent(made: Made) -> None:
    assert decoded(encoded_entry(made)) == Entry(made[0], in_lower_case(made[1]))
    assert row_of(encoded_entry(made))[:-2] == as_row(in_lower_case(made[1]))


@given(ENTRIES, st.data())
def test_an_entry_cut_short_is_incomplete_at_every_byte(made: Made, data: st.DataObject) -> None:
    whole = encoded_entry(made)
    length = data.draw(st.integers(0, len(whole) - 1))
    assert next_message(whole[:length], 0) is None
    places: list[Place] = []
    assert entry_places(bytearray(whole[:length]), 0, encoding.integer(7), places) == 0
    assert places == []


@given(ENTRIES, st.data())
def test_a_damaged_entry_is_refused_or_read_as_the_reference_reads_it(made: Made, data: st.DataObject) -> None:
    whole = bytearray(encoded_entry(made))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    buffer = bytes(whole)
    try:
        ours, as_columns = decoded(buffer), row_of(buffer)
    except TargetUnavailable:
        return
    try:
        reference_values = decoded_by_reference(buffer)
    except (PyAsn1Error, UnicodeDecodeError) as error:
        pytest.fail(f"accepted what the reference refuses: {error}")
    assert ours == reference_values
    assert as_columns[:-2] == as_row(reference_values.values)


SMALL = ("uid=taro", {"uid": [b"taro"], "displayName": ["髙橋".encode()], "memberOf": [b"a", b"b"]})


def test_rows_refuse_and_read_every_damage_as_whole_entries_do() -> None:
    """Every byte of a small entry, after its name, as every other byte: the short way through it takes no risk."""
    whole = encoded_entry(SMALL)
    for position in range(whole.index(b"taro") + 4, len(whole)):
        for value in range(256):
            damaged = whole[:position] + bytes((value,)) + whole[position + 1 :]
            if refuses(decoded, damaged):
                assert refuses(row_of, damaged), (position, value)
                assert refuses(row_of, damaged, before=whole), (position, value)
            else:
                assert row_of(damaged)[:-2] == as_row(decoded(damaged)[1]), (position, value)


def test_whole_entries_refuse_and_read_every_flipped_bit_as_the_reference_does() -> None:
    whole = encoded_entry(SMALL)
    for position in range(len(whole)):
        for bit in range(8):
            damaged = whole[:position] + bytes((whole[position] ^ 1 << bit,)) + whole[position + 1 :]
            if not refuses(decoded, damaged):
                assert decoded(damaged) == decoded_by_reference(damaged), (position, bit)


def refuses(read: Callable[[bytes, bytes], object], buffer: bytes, *, before: bytes = b"") -> bool:
    try:
        read(buffer, before)
    except TargetUnavailable:
        return True
    return False


@given(st.binary(max_size=60))
def test_noise_is_incomplete_or_refused_or_a_message_within_its_bounds(noise: bytes) -> None:
    try:
        found = next_message(noise, 0)
        if found is not None:
            assert found.operation < found.end <= len(noise)
            result(noise, found)
            entry(noise, found.operation, found.end)
    except TargetUnavailable:
        pass


@given(st.integers(0, 127), st.text(max_size=200), st.none() | st.binary(max_size=40), st.sampled_from(sorted(ANSWERS)))
def test_a_result_comes_back_with_its_cookie(code: int, text: str, cookie: bytes | None, tag: int) -> None:
    buffer = encoded_result(code, tag, text=text, cookie=cookie)
    found = next_message(buffer, 0)
    assert found is not None
    assert result(buffer, found) == (code, text, cookie or b"")


def test_other_controls_than_paging_are_passed_over() -> None:
    other = Control(sequence((octets("1.2.3"), octets(b"x"))))
    operation = Operation(sequence((tagged(0x0A, b"\0"), octets(""), octets("")), DONE))
    buffer = message(7, operation, [other, encoding.paged(0, b"next")])
    found = next_message(buffer, 0)
    assert found is not None
    assert result(buffer, found).cookie == b"next"


@pytest.mark.parametrize(
    "buffer",
    [
        b"\x30\x84\xff\xff\xff\xff",  # 4 GB to come
        b"\x30\x80\x02\x01\x07",  # no length at all
        b"\x30\x85\x00\x00\x00\x00\x01",
        b"\x31\x05\x02\x01\x07\x64\x00",
        b"\x30\x05\x04\x01\x07\x64\x00",  # no message id
        b"\x30\x05\x02\x05\x07\x64\x00",
        b"\x30\x05\x02\x01\x87\x64\x00",  # a negative one
        b"\x30\x03\x02\x01\x07",  # no operation
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
def test_what_is_no_message_is_refused_and_not_waited_for(buffer: bytes) -> None:
    with pytest.raises(TargetUnavailable):
        next_message(buffer, 0)


# --- conversations ---------------------------------------------------------------------------------------------------


class Script(Connection):
    """A connection whose other side says what it is told, in pieces, and then hangs up."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.closed = False
        self.sent: list[bytes] = []
        self.ids = iter(range(7, 1_000_000))

    def number(self) -> int:
        return next(self.ids)

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self) -> bytearray:
        for piece in self.pieces:
            return bytearray(piece)
        raise TargetUnavailable("hung up")

    def abandon(self) -> None:
        self.closed = True


def cut_up(whole: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    position = 0
    for size in sizes:
        yield whole[position : position + size] or b"\0"
        position += size
    if whole[position:]:
        yield whole[position:]


SEARCH = search("dc=example,dc=jp", Scope.SUBTREE, Filter(encoding.present("objectClass")), ["uid"])


@given(st.lists(ENTRIES, max_size=6), st.lists(ENTRIES, max_size=6), st.lists(st.integers(1, 50), max_size=8))
def test_pages_are_read_whole_however_the_bytes_are_cut(
    page_1: list[Made], page_2: list[Made], sizes: list[int]
) -> None:
    page_one = b"".join(map(encoded_entry, page_1)) + encoded_result(0, cookie=b"more")
    page_two = b"".join(encoded_entry(made, 8) for made in page_2) + encoded_result(0, message_id=8, cookie=b"")
    while sum(sizes) > len(page_one):
        sizes = sizes[:-1]
    pieces = [*cut_up(page_one, sizes), *cut_up(page_two, [])]
    found = list(stream(Script(iter(pieces)), SEARCH, Columns(COLUMNS), 1000))
    assert [one[:-2] for one in found] == [as_row(in_lower_case(values)) for _, values in page_1 + page_2]


@given(st.lists(ENTRIES, max_size=4), st.data())
def test_a_damaged_conversation_always_ends_and_never_brings_strangers(made: list[Made], data: st.DataObject) -> None:
    whole = bytearray(b"".join(map(encoded_entry, made)) + encoded_result(0))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(TargetError):
        assert len(list(stream(Script(iter([bytes(whole)])), SEARCH, Columns(COLUMNS), 1000))) <= len(made)
    [answer] = exchange(Script(iter([bytes(whole)])), [SEARCH])
    assert isinstance(answer, Answer | TargetUnavailable)


@pytest.mark.parametrize("read", [decoded, row_of])
def test_after_an_entry_come_controls_or_nothing(read: Callable[[bytes], object]) -> None:
    operation = encoded_entry(SMALL)[5:] if encoded_entry(SMALL)[1] < 128 else encoded_entry(SMALL)[6:]
    assert not refuses(lambda buffer, _: read(buffer), message(7, Operation(operation), [encoding.paged(0, b"")]))
    assert refuses(lambda buffer, _: read(buffer), message(7, Operation(operation + octets("more"))))


@pytest.mark.parametrize("read", [decoded, row_of])
def test_an_attribute_does_not_reach_into_what_follows_its_entry(read: Callable[[bytes, bytes], object]) -> None:
    attribute = sequence((octets("uid"), sequence([octets("taro")], 0x31)))
    cut = message(7, Operation(sequence((octets("uid=taro"), sequence([attribute[:-1]])), ENTRY)))
    assert refuses(read, cut, before=encoded_entry(SMALL))


def test_attributes_nobody_asked_for_are_passed_over_however_many_names_they_have() -> None:
    values = {f"x-{number}": [b"x"] for number in range(700)} | {"uid": [b"taro"], "displayName;lang-ja": [b"no"]}
    assert row_of(encoded_entry(("uid=taro", values)))[:-2] == [b"taro", None, None]


def test_an_answer_to_another_question_is_refused() -> None:
    said = encoded_entry(("uid=taro", {"uid": [b"taro"]}), 99) + encoded_result(0)
    with pytest.raises(TargetUnavailable):
        list(stream(Script(iter([said])), SEARCH, Columns(COLUMNS), 1000))


def test_a_list_that_ends_with_an_error_or_points_elsewhere_is_no_list() -> None:
    taro = encoded_entry(("uid=taro", {"uid": [b"taro"]}))
    elsewhere = message(7, Operation(sequence([octets("ldap://elsewhere.example.jp")], REFERENCE)))
    for said in (taro + encoded_result(4), elsewhere + encoded_result(0), taro + elsewhere):
        with pytest.raises(TargetRefused):
            list(stream(Script(iter([said])), SEARCH, Columns(COLUMNS), 1000))


@pytest.mark.parametrize("code", [3, 51, 52, 80])
def test_a_directory_that_is_busy_is_unavailable_not_refusing(code: int) -> None:
    with pytest.raises(TargetUnavailable):
        list(stream(Script(iter([encoded_result(code)])), SEARCH, Columns(COLUMNS), 1000))


def test_answers_in_any_order_find_their_requests() -> None:
    said = b"".join(encoded_result(code, message_id=number) for number, code in ((9, 3), (7, 1), (8, 2)))
    answers = exchange(Script(iter([said])), [SEARCH] * 3)
    assert [answer.result.code for answer in answers if isinstance(answer, Answer)] == [1, 2, 3]


def test_a_cut_leaves_the_answered_answered_and_the_rest_unknown() -> None:
    script = Script(iter([encoded_result(0, message_id=8) + encoded_result(0)[:5]]))
    first, second, third = exchange(script, [SEARCH] * 3)
    assert isinstance(second, Answer)
    assert isinstance(first, TargetUnavailable)
    assert isinstance(third, TargetUnavailable)
    assert script.closed


def test_a_notice_of_disconnection_is_unavailable() -> None:
    notice = message(0, Operation(sequence((tagged(0x0A, b"\x34"), octets(""), octets("")), 0x78)))
    [answer] = exchange(Script(iter([notice])), [SEARCH])
    assert isinstance(answer, TargetUnavailable)
    for begun in (notice, notice[:5]):
        script = Script(iter([encoded_result(0) + begun]))
        [answer] = exchange(script, [SEARCH])
        assert isinstance(answer, Answer)
        assert script.closed, "a connection on which something unasked was said is not used again"


def test_memory_does_not_grow_with_the_number_of_pages() -> None:
    def pages(count: int) -> Iterator[bytes]:
        for number in range(count):
            made = [(f"uid=u{n},ou=people", {"uid": [b"u%d" % n], "displayName": [b"x" * 40]}) for n in range(200)]
            page = b"".join(encoded_entry(one, 7 + number) for one in made)
            yield page + encoded_result(0, message_id=7 + number, cookie=b"more" if number + 1 < count else b"")

    def peak(count: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in stream(Script(pages(count)), SEARCH, Columns(COLUMNS), 200)) == 200 * count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(60) < peak(6) * 1.5
