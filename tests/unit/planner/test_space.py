import numpy as np

from desync_jobs.planner.facts import DiskFacts
from desync_jobs.planner.space import (
    Need,
    Space,
    covered_blocks,
    in_blocks,
    in_turn,
    shortage,
    spaces,
    warnings,
)

DISK = DiskFacts("/srv", 1, 1000)


def array(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def test_what_is_needed_is_added_up_by_file_system() -> None:
    other = DiskFacts("/tmp", 2, 50)  # noqa: S108 -- a name of a folder
    needs = [Need("the target", DISK, 100, 300), Need("c", other, 1, 2), Need("x", DISK, 7, 9)]

    assert spaces(needs) == (
        Space("/srv", 1, ("the target", "x"), 107, 309, 1000),
        Space("/tmp", 2, ("c",), 1, 2, 50),  # noqa: S108 -- a name of a folder
    )


def test_a_file_system_that_says_nothing_or_gets_nothing_is_left_out() -> None:
    endless = DiskFacts("/dev/shm", 3, None)  # noqa: S108 -- a name of a folder

    assert spaces([Need("the target", endless, 1, 1), Need("x", DISK, 0, 0)]) == ()


def test_what_may_be_compressed_is_not_sure_to_need_room() -> None:
    (space,) = spaces([Need("the target", DiskFacts("/b", 4, 10, compresses=True), 500, 500)])

    assert (space.lower, space.upper) == (0, 500)
    assert shortage([space]) is None
    assert warnings([space]) == (
        (
            "/b: maybe not enough space: the target needs between 0 bytes and 500 bytes; "
            "10 bytes are free"
        ),
    )


def test_too_little_room_is_an_error_with_the_figures() -> None:
    lacking = Space("/srv", 1, ("the target", "cache c"), 2048, 2048, 1000)
    enough = Space("/srv", 1, ("the target",), 1000, 1000, 1000)

    assert str(shortage([enough, lacking])) == (
        "/srv: not enough space: the target and cache c need 2.0 KiB (2,048 bytes); "
        "1,000 bytes are free; make room first"
    )
    assert shortage([enough]) is None
    assert warnings([enough]) == ()


def test_of_files_that_are_made_in_turn_one_is_sure_to_need_room() -> None:
    needed = [Space("/a", 1, ("x",), 10, 20, 99), Space("/b", 1, ("x",), 30, 40, 99)]

    assert in_turn(needed) == (Space("/a", 1, ("x",), 30, 60, 99),)


def test_room_is_counted_in_blocks() -> None:
    assert in_blocks(array(1, 4096, 4097), 4096) == 4 * 4096
    assert covered_blocks(array(0, 10, 5000, 20000), array(10, 20, 8192, 20001), 4096) == 3 * 4096
    assert covered_blocks(array(), array(), 4096) == 0
