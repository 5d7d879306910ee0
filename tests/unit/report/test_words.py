import pytest

from desync_jobs.report.words import counted, in_bytes, in_seconds, listed


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2000 * 1024**6, "2000.0 EiB"),
    ],
)
def test_sizes_are_shown_in_binary_units(count: int, words: str) -> None:
    assert in_bytes(count) == words


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "chunk", "0 chunks"),
        (1, "chunk", "1 chunk"),
        (12345, "chunk", "12,345 chunks"),
        (2, "index", "2 indexes"),
        (2, "entry", "2 entries"),
    ],
)
def test_counts_carry_their_noun(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.004, "0.00 s"),
        (9.99, "9.99 s"),
        (12.34, "12.3 s"),
        (185.2, "3 min 05 s"),
        (7620.0, "2 h 07 min"),
    ],
)
def test_durations_are_shown_with_the_precision_that_matters(seconds: float, words: str) -> None:
    assert in_seconds(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1"),
        (2, "1 and 2"),
        (6, "1, 2, 3, 4, 5 and 6"),
        (7, "1, 2, 3, 4, 5 and 2 more"),
        (5000, "1, 2, 3, 4, 5 and 4,995 more"),
    ],
)
def test_of_many_names_the_first_are_told(count: int, words: str) -> None:
    assert listed([str(number) for number in range(1, count + 1)]) == words
