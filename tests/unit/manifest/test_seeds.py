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


NOT_ONE = "seeds.old: give one of blob, with its index, directory and tree"


@pytest.mark.parametrize(
    ("seed", "found"),
    [
        ("", NOT_ONE),
        ("blob = 'b'\ndirectory = 'd'", NOT_ONE),
        ("tree = 't'\ndirectory = 'd'", NOT_ONE),
        ("blob = 'b'\ntree = 't'", NOT_ONE),
        (
            "directory = 'd'\nindex = 'i'",
            "seeds.old.index: a directory has its own indexes; leave it out",
        ),
        (
            "tree = 't'\nindex = 'auto'",
            "seeds.old.index: a tree is cut when it is used; leave it out",
        ),
    ],
)
def test_a_seed_that_is_none_or_several_is_refused(
    problems: Problems, seed: str, found: str
) -> None:
    assert problems(f"version = 1\n{EXTRACT}[seeds.old]\n{seed}") == [found]


def test_a_tree_is_no_seed_of_a_blob(problems: Problems) -> None:
    found = problems(f"version = 1\n{EXTRACT}seeds = ['old']\n[seeds.old]\ntree = '/'")
    message = (
        "'old' is a directory tree, a seed of archives; `untar` and `cat` take it, `extract` takes "
        "blobs"
    )

    assert found == [f"operations.get.seeds.0: {message}"]


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
