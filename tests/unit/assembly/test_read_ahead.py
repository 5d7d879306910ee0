import itertools

from desync_jobs.assembly.read_ahead import ReadAhead

MIB = 1 << 20


def asked(watch: ReadAhead, reads: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [wanted for begin, end in reads if (wanted := watch.after(begin, end)) is not None]


def in_a_row(begin: int, count: int, size: int = 4096) -> list[tuple[int, int]]:
    return [(begin + at * size, begin + (at + 1) * size) for at in range(count)]


def test_reads_in_a_row_ask_for_each_byte_once_without_gaps_and_in_growing_steps() -> None:
    found = asked(ReadAhead(64 * MIB), in_a_row(0, 10_000))

    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    sizes = [end - begin for begin, end in found]
    assert sizes[0] <= MIB
    assert max(sizes) <= 16 * MIB
    assert max(sizes) >= 8 * MIB
    assert found[-1][1] >= 10_000 * 4096


def test_two_reads_in_a_row_are_chance() -> None:
    assert asked(ReadAhead(64 * MIB), in_a_row(0, 2)) == []
    assert len(asked(ReadAhead(64 * MIB), in_a_row(0, 3))) == 1


def test_reads_far_from_each_other_ask_for_nothing() -> None:
    scattered = [
        (at * 7_919_000 % (1 << 30), at * 7_919_000 % (1 << 30) + 4096) for at in range(99)
    ]

    assert asked(ReadAhead(64 * MIB), scattered) == []


def test_the_same_place_again_and_again_is_no_stream() -> None:
    assert asked(ReadAhead(64 * MIB), [(0, 4096)] * 50) == []


def test_requests_of_one_reader_may_come_out_of_order() -> None:
    reads = in_a_row(0, 64)
    mixed = [one for pair in zip(reads[1::2], reads[::2], strict=True) for one in pair]

    found = asked(ReadAhead(64 * MIB), mixed)

    assert found
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


def test_several_readers_are_told_apart_and_share_the_budget() -> None:
    watch = ReadAhead(8 * MIB)
    begins = [number << 30 for number in range(4)]
    ahead = dict.fromkeys(begins, 0)
    for step in range(2000):
        for begin in begins:
            at = begin + step * 4096
            wanted = watch.after(at, at + 4096)
            if wanted is not None:
                ahead[begin] = wanted[1]
            if step > 1000:
                assert 0 < ahead[begin] - at <= 2 * MIB + 4096
