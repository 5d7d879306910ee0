"""What casync makes is read here, and what is made here casync reads."""

import hashlib

import pytest

from tests.blobs import NAMES, blob
from tests.interop.casync import casync
from tests.workspace import Ended, Workspace, chunk_files

SIZES = {"default": (65536, "64KiB"), "small": (8192, "8KiB")}
"""Average sizes as casync takes them and as a manifest does; both derive the same limits."""


def casync_makes(
    workspace: Workspace, name: str, *, size: str, compression: str, digest: str = "sha512-256"
) -> str:
    """Make `blob.caibx` and `theirs` with casync; returns the digest it prints."""
    (workspace / "blob").write_bytes(blob(name))
    return casync(
        workspace.path,
        "make",
        f"--compression={compression}",
        f"--digest={digest}",
        f"--chunk-size={SIZES[size][0]}",
        "--store=theirs",
        "blob.caibx",
        "blob",
    )


def read_back(workspace: Workspace) -> Ended:
    """Do with `blob.caibx` and `theirs` everything that reads them."""
    read = {"index": "blob.caibx", "stores": ["theirs"]}
    return workspace.run(
        {
            "extract": {"kind": "extract", "target": "extracted", **read},
            "cat": {"kind": "cat", "output": "catted", **read},
            "verify-index": {"kind": "verify-index", "index": "blob.caibx", "blob": "extracted"},
            "verify": {"kind": "verify", "store": "theirs"},
            "cache": {
                "kind": "cache",
                "indexes": ["blob.caibx"],
                "stores": ["theirs"],
                "cache": "copied",
            },
            "again": {
                "kind": "extract",
                "index": "blob.caibx",
                "target": "twice",
                "stores": ["copied"],
            },
        }
    )


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_what_casync_makes_is_read(
    workspace: Workspace, name: str, size: str, compression: str
) -> None:
    casync_makes(workspace, name, size=size, compression=compression)
    if not blob(name):
        (workspace / "theirs").mkdir(exist_ok=True)  # nothing was put, so casync made none
    ended = read_back(workspace)

    assert set(ended.statuses.values()) <= {"done", "unchanged"}, ended.result
    assert ended.result.exit_code == 0
    assert (workspace / "extracted").read_bytes() == blob(name)
    assert (workspace / "catted").read_bytes() == blob(name)
    assert (workspace / "twice").read_bytes() == blob(name)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_an_index_and_its_store_are_what_casync_makes(
    workspace: Workspace, name: str, size: str, digest: str
) -> None:
    printed = casync_makes(workspace, name, size=size, compression="zstd", digest=digest)
    fields = {"chunk_size": SIZES[size][1], "digest": digest}
    workspace.do("make", blob="blob", index="ours.caibx", store="ours", **fields)
    digested = workspace.do("digest", blob="blob", digest=digest)
    theirs = (workspace / "theirs").is_dir() and chunk_files(workspace / "theirs")

    assert (workspace / "ours.caibx").read_bytes() == (workspace / "blob.caibx").read_bytes()
    assert set(chunk_files(workspace / "ours")) == set(theirs or {})
    assert digested.output.decode() == printed


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_casync_reads_what_is_made(
    workspace: Workspace, name: str, size: str, compression: str
) -> None:
    workspace.places["ours"] = {"compression": compression}
    workspace.make("blob", blob(name), store="ours", chunk_size=SIZES[size][1])
    casync(workspace.path, "extract", "--seed-output=no", "--store=ours", "blob.caibx", "extracted")
    of_index = casync(workspace.path, "digest", "--store=ours", "blob.caibx")
    of_blob = casync(workspace.path, "digest", "blob")

    assert (workspace / "extracted").read_bytes() == blob(name)
    assert of_index == of_blob
    assert of_blob == hashlib.new("sha512_256", blob(name)).hexdigest() + "\n"


@pytest.mark.parametrize("name", ["text", "zero-heavy"])
def test_casync_reads_sha256_chunks_that_are_made(workspace: Workspace, name: str) -> None:
    workspace.make("blob", blob(name), digest="sha256")
    casync(
        workspace.path, "extract", "--seed-output=no", "--store=store", "blob.caibx", "extracted"
    )

    assert (workspace / "extracted").read_bytes() == blob(name)


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip"])
def test_a_plain_copy_of_casyncs_store_is_read_by_both(
    workspace: Workspace, compression: str
) -> None:
    casync_makes(workspace, "text", size="small", compression=compression)
    workspace.places["plain"] = {"compression": "none"}
    copied = workspace.do("cache", indexes=["blob.caibx"], stores=["theirs"], cache="plain")
    plain = chunk_files(workspace / "plain")
    extracted = workspace.do("extract", index="blob.caibx", target="ours", stores=["plain"])
    casync(workspace.path, "extract", "--seed-output=no", "--store=plain", "blob.caibx", "casyncs")

    assert (copied.summary, extracted.summary) == ((0, "done"), (0, "done"))
    assert all("." not in path for path in plain)
    assert (workspace / "ours").read_bytes() == blob("text")
    assert (workspace / "casyncs").read_bytes() == blob("text")


def test_casync_adds_to_a_store_that_was_made_here(workspace: Workspace) -> None:
    workspace.make("old", blob("text"), store="both", chunk_size="8KiB")
    before = chunk_files(workspace / "both")
    (workspace / "new").write_bytes(blob("text") + blob("random"))
    casync(workspace.path, "make", "--chunk-size=8192", "--store=both", "new.caibx", "new")
    after = chunk_files(workspace / "both")
    ended = workspace.do("extract", index="new.caibx", target="copy", stores=["both"])

    assert {path: after[path] for path in before} == before
    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == blob("text") + blob("random")
    assert workspace.do("verify", store="both").summary == (0, "done")


@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_a_chunked_archive_of_casync_is_extracted_as_that_archive(
    workspace: Workspace, digest: str
) -> None:
    """A `.caidx` is an index like any other, with more feature flags."""
    tree = workspace / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "text").write_bytes(blob("text"))
    (tree / "folder" / "zeros").write_bytes(bytes(100_000))
    (tree / "folder" / "link").symlink_to("../text")
    settings = (f"--digest={digest}", "--chunk-size=8192")
    casync(workspace.path, "make", *settings, "tree.catar", "tree")
    casync(workspace.path, "make", *settings, "--store=theirs", "tree.caidx", "tree")
    ended = workspace.run(
        {
            "extract": {
                "kind": "extract",
                "index": "tree.caidx",
                "target": "ours.catar",
                "stores": ["theirs"],
            },
            "check": {"kind": "verify-index", "index": "tree.caidx", "blob": "tree.catar"},
            "info": {"kind": "info", "index": "tree.caidx", "stores": ["theirs"]},
        }
    )

    assert set(ended.statuses.values()) == {"done"}
    assert (workspace / "ours.catar").read_bytes() == (workspace / "tree.catar").read_bytes()
    assert workspace.index("tree.caidx").flags & 0xFFFF
