import numpy as np
import pytest

from desync_jobs.formats.copied import (
    Copied,
    bits_size,
    copied_size,
    parse_bits,
    parse_copied,
    serialize_copied,
)
from desync_jobs.formats.journal import Subject, TargetIdentity, TargetKind

MARKS = np.array([True, False, False, True, True, False, True, True, False, True, True])
SUBJECT = Subject("ab" * 32, len(MARKS), 12345, TargetIdentity(TargetKind.REGULAR, 1, 2, 3))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 11])
def test_a_state_is_read_as_it_was_written(count: int) -> None:
    subject = Subject(SUBJECT.index_digest, count, 12345, SUBJECT.target)
    data = serialize_copied(Copied(subject, MARKS[:count]))
    found = parse_copied(data)

    assert len(data) == copied_size(count)
    assert found is not None
    assert found.subject == subject
    assert found.marks.tolist() == MARKS[:count].tolist()


def test_a_state_that_is_damaged_or_cut_short_anywhere_is_none() -> None:
    data = serialize_copied(Copied(SUBJECT, MARKS))

    for at in range(len(data)):
        assert parse_copied(data[:at]) is None
        assert parse_copied(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None
    assert parse_copied(data + b"\0") is None


def test_the_bits_of_desync_are_read_lowest_first() -> None:
    found = parse_bits(bytes([0b11011001, 0b110]), len(MARKS))

    assert found is not None
    assert found.tolist() == MARKS.tolist()
    assert parse_bits(bytes(3), len(MARKS)) is None
    assert parse_bits(bytes(1), len(MARKS)) is None
    assert bits_size(len(MARKS)) == 2
