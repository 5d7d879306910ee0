import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.pax import (
    format_records,
    format_time,
    parse_bsdtar_time,
    parse_records,
    parse_time,
)

KEYWORDS = st.binary(min_size=1, max_size=20).filter(lambda text: b"=" not in text)


@given(st.lists(st.tuples(KEYWORDS, st.binary(max_size=120)), max_size=4))
def test_records_are_read_as_they_were_written(records: list[tuple[bytes, bytes]]) -> None:
    assert parse_records(format_records(records)) == records


@pytest.mark.parametrize("size", [*range(85, 100), *range(985, 1000)])
def test_a_record_counts_the_digits_of_its_own_length(size: int) -> None:
    record = format_records([(b"k", b"v" * size)])

    assert int(record.split()[0]) == len(record)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_times_are_read_as_they_were_written(nanoseconds: int) -> None:
    assert parse_time(format_time(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"9 a=b\n", "of the wrong length"),
        (b"5 a=b\n", "of the wrong length"),
        (b"3 a\n", "of the wrong length"),
        (b"0 a=b\n", "of the wrong length"),
        (b"-6 a=b\n", "of the wrong length"),
        (b"99999999999999 a=b\n", "of the wrong length"),
        (b"a=b\n", "of the wrong length"),
        (b"5 ab\n", "without a keyword"),
        (b"5 =b\n", "without a keyword"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(TarFormatError, match=message):
        parse_records(data)


def test_zeros_at_the_end_are_nothing() -> None:
    assert parse_records(b"6 a=b\n" + bytes(100)) == [(b"a", b"b")]


@pytest.mark.parametrize("text", [b"", b".5", b"1e9", b"nan", b"1,5", b"0x1", b"--1", b"1" * 21])
def test_what_is_no_time_is_refused(text: bytes) -> None:
    with pytest.raises(TarFormatError, match="with the time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"-1.75", -250_000_000),
        (b"-315619200.123456789", -315_619_199_876_543_211),
        (b"-3", -3_000_000_000),
        (b"1.5", 1_500_000_000),
        (b"0.25", 250_000_000),
    ],
)
def test_bsdtar_adds_the_decimals_of_a_time_before_1970(text: bytes, nanoseconds: int) -> None:
    assert parse_bsdtar_time(text) == nanoseconds
