import numpy as np
import pytest

from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.marks import NO_MARKS, Marks, mark_keys, marks_bytes, parse_marks, prefixes

MARKS = Marks(np.array([3, 2**64 - 1], np.uint64), np.array([1.5, 2.5]))


@pytest.mark.parametrize("marks", [NO_MARKS, MARKS])
def test_marks_survive_being_written(marks: Marks) -> None:
    found = parse_marks(marks_bytes(marks), "here")

    assert found.keys.tolist() == marks.keys.tolist()
    assert found.since.tolist() == marks.since.tolist()


def test_a_file_of_marks_has_a_line_numbers_and_a_digest() -> None:
    data = marks_bytes(MARKS)

    assert data[:27] == b"desync-run marks 1\n" + (2).to_bytes(8, "little")
    assert len(data) == 27 + 2 * 16 + 32


@pytest.mark.parametrize("at", range(0, 91, 5))
def test_a_damaged_file_is_refused(at: int) -> None:
    data = bytearray(marks_bytes(MARKS))
    data[at] ^= 1

    with pytest.raises(InvalidDataError, match="here: damaged, or not written by this program"):
        parse_marks(bytes(data), "here")


@pytest.mark.parametrize("size", [0, 10, 27, 58, 90])
def test_a_file_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(InvalidDataError):
        parse_marks(marks_bytes(MARKS)[:size], "here")


def test_keys_are_the_beginning_of_an_id_and_its_form() -> None:
    ids = np.frombuffer(bytes.fromhex("00000000000000ff" + "11" * 24) * 2, np.uint8).reshape(2, 32)

    assert prefixes(ids).tolist() == [255, 255]
    assert mark_keys(ids, np.array([True, False])).tolist() == [255, 254]
