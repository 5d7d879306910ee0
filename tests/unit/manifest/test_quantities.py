import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.manifest.quantities import (
    SIZE_LIMIT,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        (65536, 65536),
        ("65536", 65536),
        ("64 KiB", 65536),
        ("64KiB", 65536),
        ("64k", 65536),
        ("64K", 65536),
        ("64 kib", 65536),
        (" 64 KiB ", 65536),
        ("100B", 100),
        ("1.5 GiB", 1610612736),
        ("0.5K", 512),
        ("1M", 1 << 20),
        ("1T", 1 << 40),
        ("2P", 2 << 50),
        ("1E", 1 << 60),
        ("9223372036854775807", SIZE_LIMIT),
    ],
)
def test_sizes_are_powers_of_1024_with_any_unit(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a size; write bytes, or for example '64 KiB'"),
        ("KiB", "'KiB' is not a size; write bytes, or for example '64 KiB'"),
        ("-1", "'-1' is not a size; write bytes, or for example '64 KiB'"),
        ("1e6", "'1e6' is not a size; write bytes, or for example '64 KiB'"),
        ("1_000", "'1_000' is not a size; write bytes, or for example '64 KiB'"),
        ("٤", "'٤' is not a size; write bytes, or for example '64 KiB'"),
        ("9" * 40, f"'{'9' * 40}' is not a size; write bytes, or for example '64 KiB'"),
        ("64 KB", "'64 KB' is ambiguous; write KiB for powers of 1024"),
        ("1 mb", "'1 mb' is ambiguous; write MiB for powers of 1024"),
        ("5 apples", "'5 apples' has no known unit; there are B, KiB, MiB, GiB and TiB"),
        ("5 kibi", "'5 kibi' has no known unit; there are B, KiB, MiB, GiB and TiB"),
        ("0.3 KiB", "'0.3 KiB' is not a whole number of bytes"),
        (-1, "'-1' is not a size: from 0 to 2^63 - 1 bytes is possible"),
        ("8E", "'8E' is not a size: from 0 to 2^63 - 1 bytes is possible"),
        (1.5, "should be a size: a whole number of bytes, or for example '64 KiB'"),
        (True, "should be a size: a whole number of bytes, or for example '64 KiB'"),
        (None, "should be a size: a whole number of bytes, or for example '64 KiB'"),
        ([], "should be a size: a whole number of bytes, or for example '64 KiB'"),
    ],
)
def test_what_is_no_size_is_refused(text: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        parse_size(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (100, "100B"), (65536, "64KiB"), (3 << 40, "3TiB"), (1025, "1025B")],
)
def test_sizes_are_shown_with_the_largest_exact_unit(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, SIZE_LIMIT))
def test_a_shown_size_is_read_as_itself(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("1.5 min", 90), ("2m", 120), ("2h", 7200), ("1d", 86400)],
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", [30, 1.5, "30", "", "s", "-1s", "1 week", "1S", None, True])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        parse_duration(value)

    assert str(caught.value) == (
        f"{value!r} is not a duration; write for example '500ms', '30s' or '2h'"
    )


@given(st.integers(0, 10**12))
def test_a_shown_duration_is_read_as_itself_to_the_millisecond(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert round(parse_duration(format_duration(seconds)) * 1000) == milliseconds
