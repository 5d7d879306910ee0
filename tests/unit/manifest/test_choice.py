from collections.abc import Callable

import pytest

from desync_jobs.manifest.job import Job

Problems = Callable[..., list[str]]

HEAD = "version = 1\n[stores.s]\nurl = 's'\n[operations.get]\nkind = 'extract'\nstores = ['s']\n"
CHOICES = "give either index and target, or blobs, or indexes and targets"
SUFFIX = "should end in a name and .caibx, which is what names the blob"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", [f": {CHOICES}"]),
        ("blobs = []", [f": {CHOICES}"]),
        ("index = 'a'", [".target: missing"]),
        ("target = 'a'", [".index: missing"]),
        ("indexes = '*.caibx'", [".targets: missing"]),
        ("targets = 'd'", [".indexes: missing"]),
        ("indexes = []\ntargets = 'd'", [".indexes: missing"]),
        (
            "index = 'a'\ntarget = 'b'\nblobs = [{ index = 'c', target = 'd' }]",
            [f": {CHOICES}, not index, target, blobs together"],
        ),
        (
            "index = 'a'\nindexes = '*.caibx'\ntargets = 'd'",
            [f": {CHOICES}, not index, indexes, targets together"],
        ),
        (
            f"indexes = '*.caibx'\ntargets = 'd'\nblob_digest = '{'0' * 64}'",
            [".blob_digest: is that of one blob; list the blobs, each with its own"],
        ),
        ("indexes = 'images/*'\ntargets = 'd'", [f".indexes.0: {SUFFIX}"]),
        ("indexes = ['a.caibx', '.caibx']\ntargets = 'd'", [f".indexes.1: {SUFFIX}"]),
        (
            "indexes = 'a/**/*.caibx'\ntargets = 'd'",
            [".indexes.0: `**` is not understood; write one pattern for each depth"],
        ),
        (
            "indexes = 3\ntargets = 'd'",
            [".indexes: should be a list, not a number"],
        ),
        (
            "indexes = ['a/x.caibx', 'b/x.caibx']\ntargets = 'd'",
            [".indexes: the blobs of a/x.caibx and b/x.caibx both go to d/x"],
        ),
        (
            "blobs = [{ index = 'a', target = 'x' }, { index = 'b', target = './y/../x' }]",
            [".blobs.1.target: the blobs of a and b both go to ./y/../x"],
        ),
        (
            "blobs = [{ index = 'a', target = 'x' }, { index = 'x', target = 'y' }]",
            [": reads and writes the same file 'x'"],
        ),
        (
            "indexes = ['a.caibx', 'a.caibx.caibx']\ntargets = '.'",
            [": reads and writes the same file './a.caibx'"],
        ),
        ("blobs = [{ index = 'a' }]", [".blobs.0.target: missing"]),
        (
            "blobs = [{ index = 'a', target = 'b', digest = 'c' }]",
            [".blobs.0.digest: unknown key; did you mean 'blob_digest'?"],
        ),
        (
            "blobs = [{ index = '-', target = 'b' }]",
            [
                (
                    ".blobs.0.index: standard input and output cannot be used here; give a file, "
                    "or './-' for one that is called '-'"
                )
            ],
        ),
    ],
)
def test_exactly_one_way_says_which_blobs_go_where(
    problems: Problems, lines: str, expected: list[str]
) -> None:
    assert problems(HEAD + lines) == [f"operations.get{one}" for one in expected]


@pytest.mark.parametrize(
    "lines",
    [
        "index = '-'\ntarget = 'b'",
        f"index = 'a'\ntarget = 'b'\nblob_digest = '{'0' * 64}'",
        f"blobs = [{{ index = 'a', target = 'b', blob_digest = '{'0' * 64}' }}]",
        "indexes = 'images/v*/[a-f]?.caibx'\ntargets = 'd'",
        "indexes = ['a.caibx', 'more/*.caibx']\ntargets = 'd'",
        "indexes = 'https://example.org/[a]/a%20b.caibx'\ntargets = 'd'",
    ],
)
def test_each_way_is_right_by_itself(job: Callable[..., object], lines: str) -> None:
    job(HEAD + lines)


def test_a_url_names_its_blob_and_is_no_pattern(job: Callable[..., Job]) -> None:
    url = "https://example.org/v[1]/a%20b.caibx"
    spec = job(f"{HEAD}indexes = ['{url}', 'c?.caibx']\ntargets = 'd'").spec.operations["get"]
    touched = spec.access()

    assert (touched.reads, touched.writes) == ((url,), ("d/a b",))
    assert (touched.reads_matching, touched.writes_matching) == (("c?.caibx",), ("d/c?",))


MAKE = "version = 1\n[operations.put]\nkind = 'make'\n"
MADE = "give either blob and index, or blobs and indexes"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", [f": {MADE}"]),
        ("blobs = []", [f": {MADE}"]),
        ("blob = 'a'", [".index: missing"]),
        ("index = 'a'", [".blob: missing"]),
        ("blobs = '*.img'", [".indexes: missing"]),
        ("indexes = 'd'", [".blobs: missing"]),
        ("blob = 'a'\nindexes = 'd'", [f": {MADE}, not blob, indexes together"]),
        (
            "blob = 'a'\nindex = 'b'\nblobs = 'c'\nindexes = 'd'",
            [f": {MADE}, not blob, index, blobs, indexes together"],
        ),
        (
            "blobs = 'a/**'\nindexes = 'd'",
            [".blobs.0: `**` is not understood; write one pattern for each depth"],
        ),
        (
            "blobs = ['a/', 'b']\nindexes = 'd'",
            [".blobs.0: should end in the name of a blob, which is what names the index"],
        ),
        (
            "blobs = ['a/x', 'b/x']\nindexes = 'd'",
            [".blobs.1: the indexes of a/x and b/x both go to d/x.caibx"],
        ),
        (
            "blobs = ['https://example.org/a']\nindexes = 'd'",
            [".blobs.0: https:// is not a path; only stores and indexes can be elsewhere"],
        ),
        (
            "blobs = '-'\nindexes = 'd'",
            [
                (
                    ".blobs.0: standard input and output cannot be used here; give a file, "
                    "or './-' for one that is called '-'"
                )
            ],
        ),
        (
            "blobs = 'a'\nindexes = 'oci+https://example.org/a'",
            [".indexes: 'oci+https://example.org/a': an OCI registry keeps no indexes"],
        ),
        (
            "blobs = ['a', 'a.caibx']\nindexes = '.'",
            [": reads and writes the same file './a.caibx'"],
        ),
    ],
)
def test_exactly_one_way_says_what_is_cut(
    problems: Problems, lines: str, expected: list[str]
) -> None:
    assert problems(MAKE + lines) == [f"operations.put{one}" for one in expected]


def test_each_index_has_the_name_of_its_blob(job: Callable[..., Job]) -> None:
    here = job(f"{MAKE}blobs = ['in/a b.img', 'c?']\nindexes = 'd'").spec.operations["put"]
    url = "s3+https://example.org/bucket/d?lookup=path"
    there = job(f"{MAKE}blobs = ['in/a b.img', 'c?']\nindexes = '{url}'").spec.operations["put"]

    assert here.access().writes == ("d/a b.img.caibx",)
    assert here.access().writes_matching == ("d/c?.caibx",)
    assert here.access().reads_matching == there.access().reads_matching == ("c?",)
    assert there.access().writes == ("s3+https://example.org/bucket/d/a%20b.img.caibx?lookup=path",)
    assert there.access().writes_matching == ()
