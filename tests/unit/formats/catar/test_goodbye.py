import struct

import pytest

from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.goodbye import Child, goodbye_table, hash_name, search_order
from desync_jobs.formats.catar.records import Goodbye


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", "51ba5a19e058c7ad"),
        ("b", "9007695395e7df8f"),
        ("d", "6b38ee3f1236bc32"),
        ("l", "a1a7aeca9969d80a"),
        ("ln", "1c05b1b9153fd1bd"),
        ("dir", "6b24efe599fa858c"),
        ("empty", "01850bd3837c51b2"),
        ("a.txt", "30dbb40a12778187"),
        ("file1.txt", "b2fe30e69d94cf21"),
        ("symlink", "4f55a9e7f32acf0a"),
    ],
)
def test_names_have_the_hashes_that_casync_gives_them(name: str, expected: str) -> None:
    assert f"{hash_name(name.encode()):016x}" == expected


@pytest.mark.parametrize(
    ("count", "order"),
    [
        (0, []),
        (1, [0]),
        (2, [1, 0]),
        (3, [1, 0, 2]),
        (4, [2, 1, 3, 0]),
        (5, [3, 1, 4, 0, 2]),
        (6, [3, 1, 5, 0, 2, 4]),
        (7, [3, 1, 5, 0, 2, 4, 6]),
        (8, [4, 2, 6, 1, 3, 5, 7, 0]),
        (9, [5, 3, 7, 1, 4, 6, 8, 0, 2]),
        (10, [6, 3, 8, 1, 5, 7, 9, 0, 2, 4]),
        (16, [8, 4, 12, 2, 6, 10, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0]),
    ],
)
def test_a_table_is_a_search_tree_filled_from_the_left(count: int, order: list[int]) -> None:
    assert search_order(count) == order


def test_every_item_of_a_table_is_found_by_halving() -> None:
    for count in (11, 100, 1023, 1024, 1025):
        order = search_order(count)
        for wanted in range(count):
            place = 0
            while order[place] != wanted:
                place = 2 * place + (1 if wanted < order[place] else 2)


def test_a_table_tells_how_far_back_each_child_is() -> None:
    children = [Child(5, 64, 100), Child(3, 100, 220)]

    table = goodbye_table(children, 220)

    assert list(struct.iter_unpack("<QQQ", table)) == [(156, 36, 5), (120, 120, 3)]


def test_children_of_one_hash_stand_in_the_order_of_the_archive() -> None:
    table = goodbye_table([Child(7, 90, 100), Child(7, 64, 90)], 100)

    assert [offset for offset, _, _ in struct.iter_unpack("<QQQ", table)] == [10, 36]


def test_a_directory_without_children_ends_with_its_tail_alone() -> None:
    record = encode(Goodbye(goodbye_table([], 64), entry_offset=64))

    assert record.hex() == (
        "280000000000000003c427835e5cd3df4000000000000000280000000000000043297033a56f4457"
    )
