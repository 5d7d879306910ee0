import pytest

from desync_jobs.core.sizes import DEFAULT_SIZES, ChunkSizes, CutMode

MIB = 1 << 20


@pytest.mark.parametrize(
    ("average", "discriminator"),
    [
        (256, 192),
        (1024, 768),
        (2048, 1537),
        (4096, 3075),
        (8192, 6153),
        (16384, 12318),
        (32768, 24680),
        (65536, 49535),
        (131072, 99777),
        (262144, 202440),
        (524288, 416942),
        (1048576, 886711),
        (2097152, 2030716),
        (4194304, 5721670),
    ],
)
@pytest.mark.parametrize("mode", CutMode)
def test_both_modes_derive_the_same_discriminator_within_the_limits(
    average: int, discriminator: int, mode: CutMode
) -> None:
    assert ChunkSizes.from_average(average).discriminator(mode) == discriminator


def test_only_casync_clamps_the_discriminator_to_the_minimum() -> None:
    sizes = ChunkSizes(65536, 65536, 262144)

    assert sizes.discriminator(CutMode.CASYNC) == 65536
    assert sizes.discriminator(CutMode.DESYNC_1_0) == 49535


def test_only_casync_clamps_the_discriminator_to_the_maximum() -> None:
    sizes = ChunkSizes(2 * MIB, 8 * MIB, 32 * MIB)

    assert sizes.discriminator(CutMode.CASYNC) == 32 * MIB
    assert sizes.discriminator(CutMode.DESYNC_1_0) == 62724856


def test_the_clamp_begins_to_work_above_an_average_of_7574944() -> None:
    last, next_one = ChunkSizes.from_average(7574944), ChunkSizes.from_average(7574945)

    assert last.discriminator(CutMode.CASYNC) == last.discriminator(CutMode.DESYNC_1_0)
    assert next_one.discriminator(CutMode.CASYNC) == next_one.maximum
    assert next_one.discriminator(CutMode.DESYNC_1_0) > next_one.maximum


@pytest.mark.parametrize("average", [9309388, 9324556, 9324557, 16 * MIB, 100 * MIB])
def test_casync_takes_the_maximum_where_the_formula_overflows_or_turns_negative(
    average: int,
) -> None:
    assert ChunkSizes(1, average, 120 * MIB).discriminator(CutMode.CASYNC) == 120 * MIB


def test_desync_1_0_has_no_discriminator_from_an_average_of_9309388_on() -> None:
    assert ChunkSizes(48, 9309387, 16 * MIB).discriminator(CutMode.DESYNC_1_0) < 1 << 32
    with pytest.raises(ValueError, match=r"48:9309388:16777216 .* below 9309388 bytes or cut as"):
        ChunkSizes(48, 9309388, 16 * MIB).check(CutMode.DESYNC_1_0)


def test_the_smallest_average_has_a_discriminator() -> None:
    assert ChunkSizes(1, 1, 48).discriminator(CutMode.CASYNC) == 1


def test_casync_tests_a_length_of_exactly_the_minimum_and_desync_1_0_the_next() -> None:
    assert DEFAULT_SIZES.first_test(CutMode.CASYNC) == 16384
    assert DEFAULT_SIZES.first_test(CutMode.DESYNC_1_0) == 16385


@pytest.mark.parametrize("minimum", [1, 2, 47, 48])
def test_nothing_shorter_than_the_window_is_tested(minimum: int) -> None:
    assert ChunkSizes(minimum, 256, 1024).first_test(CutMode.CASYNC) == 48


def test_limits_are_derived_from_the_average_as_casync_does() -> None:
    assert ChunkSizes.from_average(65536) == DEFAULT_SIZES
    assert ChunkSizes.from_average(3) == ChunkSizes(1, 3, 12)
    assert ChunkSizes.from_average(64 * MIB) == ChunkSizes(16 * MIB, 64 * MIB, 128 * MIB)
    with pytest.raises(ValueError, match="chunk sizes 33554433:134217732:134217728 are not"):
        ChunkSizes.from_average(128 * MIB + 4)


@pytest.mark.parametrize(
    "sizes", [(0, 1, 2), (-1, 1, 2), (2, 1, 2), (1, 3, 2), (1, 1, 128 * MIB + 1), (1, 0, 1)]
)
def test_sizes_out_of_order_or_range_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="are not 1 <= min <= avg <= max <= 134217728"):
        ChunkSizes(*sizes)


def test_a_maximum_below_the_window_is_refused_unless_sizes_are_fixed() -> None:
    ChunkSizes(16, 16, 16).check(CutMode.CASYNC)
    ChunkSizes(10, 20, 48).check(CutMode.CASYNC)
    with pytest.raises(ValueError, match=r"46:47:47 have a maximum below the 48 bytes"):
        ChunkSizes(46, 47, 47).check(CutMode.CASYNC)


def test_desync_1_0_asks_for_a_minimum_of_one_window() -> None:
    ChunkSizes(48, 256, 1024).check(CutMode.DESYNC_1_0)
    with pytest.raises(ValueError, match=r"47:256:1024 have a minimum below 48 bytes"):
        ChunkSizes(47, 256, 1024).check(CutMode.DESYNC_1_0)


def test_fixed_sizes_need_no_discriminator() -> None:
    sizes = ChunkSizes(16 * MIB, 16 * MIB, 16 * MIB)

    assert sizes.fixed
    sizes.check(CutMode.DESYNC_1_0)
    assert not ChunkSizes(1, 1, 2).fixed


def test_sizes_read_as_options_take_them() -> None:
    assert str(DEFAULT_SIZES) == "16384:65536:262144"
