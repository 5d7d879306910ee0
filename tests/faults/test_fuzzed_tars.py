"""Tar streams that were changed at random: an archive that can be read, or one typed error.

TAR_FUZZ_SECONDS sets how long it goes on, for each kind of stream.
"""

import os
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.archive.encoding import ArchiveEncoder, ContentCopier
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.tar_walk import Stream, TarWalk
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DesyncRunError
from desync_jobs.formats.catar.features import FEATURES
from tests.interop.tars import EVERYTHING, bsdtar, gnu_tar
from tests.tarballs import LINK, Given, folder, global_header, stream, tree_of

SECONDS = float(os.environ.get("TAR_FUZZ_SECONDS", "0.5"))
EXPANSION = 1 << 20


def of_gnu(tree: Path, *options: str) -> Callable[[], bytes]:
    return lambda: gnu_tar(tree, "-c", *options, "-f", "-", ".")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A little of everything that needs no rights."""
    top = tmp_path / "tree"
    (top / "d").mkdir(parents=True)
    (top / "a").write_bytes(b"content" * 100)
    os.setxattr(top / "a", "user.x", b"\0\xff=\n")
    os.link(top / "a", top / "d" / "b")
    (top / "l").symlink_to("a")
    os.mkfifo(top / "f")
    (top / ("n" * 150)).touch()
    with (top / "s").open("wb") as sparse:
        for at in range(6):
            sparse.seek(at * 100_000)
            sparse.write(b"island")
    return top


ODD = (b"9" * 12, b"\xff" * 12, b"\x80" + b"\xff" * 11, b"7" * 12, b"/", b".", b"\0", b"0", b"x")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with some changes; most headers are right again by their checksum."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        block = at // 512 * 512
        match chance.randrange(5):
            case 0:
                del changed[at + 1 :]
            case 1:
                changed[at:at] = changed[block : block + 512]
            case 2:
                del changed[block : block + chance.randint(1, 2) * 512]
                changed = changed or bytearray(data)
            case _:
                odd = chance.choice(ODD)
                changed[at : at + len(odd)] = odd
    return mended(changed) if chance.randrange(4) else bytes(changed)


def mended(data: bytearray) -> bytes:
    for begin in range(0, len(data) - 511, 512):
        block = data[begin : begin + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            data[begin + 148 : begin + 156] = b"%06o\0 " % sum(block)
    return bytes(data)


def archived(path: Path) -> bytes:
    metadata, cancel, parts = Metadata(FEATURES["best"]), Cancel(), list[bytes]()
    fd = os.open(path, os.O_RDONLY)
    try:
        walk = TarWalk(Stream("fuzzed", fd), metadata, EXPANSION)
        walk.survey(lambda: None)
        copier = ContentCopier(lambda part: parts.append(bytes(part)), cancel)
        ArchiveEncoder(copier, cancel).encode(walk.visits(add_root=True))
        assert all(isinstance(message, str) for message in walk.messages())
    finally:
        os.close(fd)
    return b"".join(parts)


@pytest.mark.parametrize("name", ["posix", "gnu", "ustar", "bsd", "python"])
def test_a_changed_stream_is_an_archive_or_one_typed_error(
    tree: Path, tmp_path: Path, name: str
) -> None:
    written: dict[str, Callable[[], bytes]] = {
        "posix": of_gnu(tree, "--format=posix", *EVERYTHING, "-S"),
        "gnu": of_gnu(tree, "--format=gnu", "-S"),
        "ustar": of_gnu(tree, "--format=ustar", "--exclude=n*"),
        "bsd": lambda: bsdtar(tree, "-c", "--format=pax", "--acls", "--xattrs", "-f", "-", "."),
        "python": lambda: stream(
            [
                global_header({"uid": "3", "SCHILY.acl.access": "user::rw-,group::r--,other::---"}),
                *(folder("a/b"), Given("a/b/c", b"x" * 600), Given("d", kind=LINK, target="a/b/c")),
                Given("e" * 120, b"y", fields={"pax_headers": {"mtime": "-1.5"}}),
            ],
            tarfile.GNU_FORMAT if random.Random(name).randrange(2) else tarfile.PAX_FORMAT,
        ),
    }
    whole, chance = written[name](), random.Random(name)
    path, outcomes = tmp_path / "fuzzed.tar", {"read": 0, "refused": 0}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or min(outcomes.values()) < 3:
        path.write_bytes(mutated(whole, chance))
        try:
            tree_of(archived(path))
            outcomes["read"] += 1
        except DesyncRunError:
            outcomes["refused"] += 1

    assert min(outcomes.values()) >= 3
