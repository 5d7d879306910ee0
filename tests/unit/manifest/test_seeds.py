from collections.abc import Callable

import pytest

from desync_jobs.manifest.job import Job
from desync_jobs.manifest.seeds import SeedSpec

Problems = Callable[[str], list[str]]

EXTRACT = """\
[stores.s]
url = "s"
[operations.get]
kind = "extract"
index = "i"
target = "t"
stores = ["s"]
"""


@pytest.mark.parametrize(
    "seed",
    ["blob = 'b'", "blob = 'b'\nindex = 'auto'", "blob = 'b'\nindex = 'i'", "directory = 'd'"],
)
def test_a_seed_is_a_blob_or_a_directory(job: Callable[[str], Job], seed: str) -> None:
    spec = job(f"version = 1\n{EXTRACT}seeds = ['old']\n[seeds.old]\n{seed}").spec

    assert spec.operations["get"].access().uses_seeds == ("old",)


@pytest.mark.parametrize(
    ("seed", "found"),
    [
        ("", "seeds.old: give either blob, with its index, or directory"),
        (
            "blob = 'b'\ndirectory = 'd'",
            "seeds.old: give either blob, with its index, or directory",
        ),
        (
            "directory = 'd'\nindex = 'i'",
            "seeds.old.index: a directory has its own indexes; leave it out",
        ),
    ],
)
def test_a_seed_that_is_neither_or_both_is_refused(
    problems: Problems, seed: str, found: str
) -> None:
    assert problems(f"version = 1\n{EXTRACT}seeds = ['old']\n[seeds.old]\n{seed}") == [found]


def test_a_dangling_seed_is_found_with_the_nearest_name(problems: Problems) -> None:
    found = problems(f"version = 1\n{EXTRACT}seeds = ['odl']\n[seeds.old]\nblob = 'b'")

    assert found == ["operations.get.seeds.0: no seed named 'odl'; did you mean 'old'?"]


def test_a_digest_of_a_blob_has_64_hex_digits(problems: Problems) -> None:
    found = problems(f"version = 1\n{EXTRACT}blob_digest = 'abc'")

    assert found == [
        "operations.get.blob_digest: 'abc' is not a digest: write 64 lower-case hex digits"
    ]


def test_an_index_is_automatic_unless_it_is_named() -> None:
    assert SeedSpec(blob="b").automatic
    assert SeedSpec(blob="b", index="auto").paths == ("b",)
    assert SeedSpec(blob="b", index="i").paths == ("b", "i")
    assert not SeedSpec(directory="d").automatic
