from typing import cast

import numpy as np
import pytest

from desync_jobs.formats.journal import (
    HEADER_SIZE,
    Doubted,
    Noted,
    Record,
    Settled,
    Started,
    Stopped,
    Subject,
    TargetIdentity,
    TargetKind,
    parse_header,
    read_records,
    seal_before,
    serialize_header,
    serialize_record,
)
from desync_jobs.formats.ranges import MOST_POSITIONS, ascending, range_bytes

NAME = b"sixteen bytes it"
TARGET = TargetIdentity(TargetKind.NAMED_DEVICE, 1 << 63, 2, -3, 4, NAME)
SUBJECT = Subject("ab" * 32, 100, 1 << 40, TARGET)
RECORDS: list[Record] = [
    Started(b"0123456789abcdef"),
    Noted(-5, bytes(range(16))),
    Settled(1 << 63, 7),
    Stopped(8),
    Doubted(),
]


def journal(*records: Record) -> bytes:
    data = serialize_header(SUBJECT, bytes(16))
    for record in records:
        data += serialize_record(record, seal_before(data, len(data)))
    return data


def test_what_is_written_is_read() -> None:
    data = journal(*RECORDS)

    assert parse_header(data) == SUBJECT
    assert [record for _, record in read_records(data)] == RECORDS
    assert [end for end, _ in read_records(data)] == [
        HEADER_SIZE + size for size in (32, 72, 104, 128, 144)
    ]


def test_two_journals_about_the_same_thing_have_other_seals() -> None:
    one, other = serialize_header(SUBJECT, bytes(16)), serialize_header(SUBJECT, b"1" * 16)

    assert parse_header(one) == parse_header(other)
    assert seal_before(one, HEADER_SIZE) != seal_before(other, HEADER_SIZE)


@pytest.mark.parametrize(
    "record",
    [Started(b"short"), Noted(1, b""), Noted(1, bytes(7)), Noted(1, bytes(12))],
    ids=["life", "no range", "less than a range", "half a range"],
)
def test_a_sealed_record_of_a_size_its_kind_never_has_is_the_end(record: Record) -> None:
    data = journal(RECORDS[0], record, RECORDS[1])

    assert [found for _, found in read_records(data)] == RECORDS[:1]


def test_an_unknown_kind_of_target_is_no_journal() -> None:
    target = TargetIdentity(cast("TargetKind", 4), 1)
    data = serialize_header(Subject("ab" * 32, 100, 1 << 40, target), bytes(16))

    assert parse_header(data) is None


def test_more_positions_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="4294967296 positions are too many for a journal"):
        Subject("ab" * 32, MOST_POSITIONS + 1, 1, SUBJECT.target)


def test_neighbours_are_one_range() -> None:
    positions = ascending([9, 3, 4, 5, 4, MOST_POSITIONS - 1])

    assert positions.tolist() == [3, 4, 5, 9, MOST_POSITIONS - 1]
    assert np.frombuffer(range_bytes(positions), "<u4").tolist() == [
        *(3, 3),
        *(9, 1),
        *(MOST_POSITIONS - 1, 1),
    ]
    assert range_bytes(ascending([])) == b""
