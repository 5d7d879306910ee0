"""Archives that are damaged or put together at random: one typed error, and little memory.

`CATAR_FUZZ_SECONDS` says for how long, for each of the three tests; `just fuzz` takes minutes. An
archive that is accepted is held against what it says: its records give its bytes again.
"""

import os
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.attributes import attributes
from desync_jobs.formats.catar.decode import Decoder
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.catar.listing import desync_mtree_line, list_line, mtree_line
from desync_jobs.formats.catar.parse import LIMITS, parse_header
from desync_jobs.formats.catar.reading import Closed, LeftOut, Opened, TreeReader
from desync_jobs.formats.catar.records import HEADER_SIZE, Entry, RecordType, Xattr
from tests.archives import archive
from tests.catar_cases import ALIKE, CASES

_BY_DEFAULT: Final = 5 if os.environ.get("CI") == "true" else 1
SECONDS: Final = float(os.environ.get("CATAR_FUZZ_SECONDS", _BY_DEFAULT))
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
REFERENCE: Final = Path(__file__).parents[1] / "vectors" / "archives" / "reference.catar"
_ROOM: Final = 4 << 20
"""Bytes that reading may take besides the input: much more than one record of any type."""
_FEWEST: Final = 100
"""Archives that are tried on the slowest machine."""
_NUMBERS: Final = (0, 1, 15, 16, 17, 63, 64, 65, 0xFFFF, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63)
_TYPES: Final = [int(kind) for kind in RecordType]
_FEATURES: Final = (
    0xB0000001FFEFFE26,
    0xB000000000000000,
    DESYNC_FLAGS,
    0x1F09,
    0xB000000020000004,
)

Told: TypeAlias = list[tuple[str, Any]]
"""What happens in an archive: a word, and what it is about."""


def pieces(data: bytes) -> list[bytes]:
    """Take an archive apart into its records, the content of a file with its header."""
    found, at = [], 0
    while at < len(data):
        _, size = parse_header(data[at : at + HEADER_SIZE])
        found.append(data[at : at + HEADER_SIZE + size])
        at += HEADER_SIZE + size
    return found


def _whole() -> list[bytes]:
    """Return archives that are right, of everything that can be in one."""
    right = [REFERENCE.read_bytes(), archive(ALIKE)]
    for parts in CASES.values():
        data = archive(parts)
        try:
            outcome([data])
        except ArchiveFormatError:
            continue
        right.append(data)
    return right


def outcome(blocks: list[bytes]) -> Told:
    """Read an archive given in `blocks`; returns what is in it, contents joined."""
    reader = TreeReader("it")
    told: Told = []
    for block in blocks:
        for event in reader.feed(block):
            match event:
                case Opened(path, node):
                    told.append(("opened", (path, node)))
                case Closed(path, _):
                    told.append(("closed", path))
                case LeftOut(path):
                    told.append(("left out", path))
                case memoryview():
                    if told[-1][0] != "content":
                        told.append(("content", bytearray()))
                    told[-1][1].extend(event)
    reader.finish()
    return told


def again(data: bytes) -> bytes:
    """Return the bytes that the records of an archive stand for."""
    decoder = Decoder("it")
    done = bytearray()
    theirs = False
    for item in decoder.feed(data):
        if isinstance(item, Entry):
            theirs = item.feature_flags == DESYNC_FLAGS
        if isinstance(item, memoryview):
            done += item
        elif isinstance(item, Xattr) and theirs:
            done += encode(Xattr(item.name, item.value + b"\0"))
        else:
            done += encode(item)
    decoder.finish()
    return bytes(done)


def told_of(told: Told) -> None:
    """Have everything written about an archive that can be."""
    for path, node in (value for what, value in told if what == "opened"):
        list_line(path, node).encode("ascii")
        mtree_line(path, node, "00").encode("ascii")
        desync_mtree_line(path, node, "00").encode("ascii")
        attributes(node, "00", (node.entry.feature_flags,) * 2, frozenset())


def in_blocks(order: random.Random, data: bytes) -> list[bytes]:
    """Cut `data` anywhere, into blocks of any size."""
    longest = order.choice([1 + len(data) // 2000, 40, 1000, 100_000])
    blocks, at = [], 0
    while at < len(data):
        size = order.randint(1, longest)
        blocks.append(data[at : at + size])
        at += size
    return blocks


def damaged(order: random.Random, data: bytes) -> bytes:
    """Change some of the bytes of `data`, wherever they stand."""
    spoilt = bytearray(data)
    for _ in range(order.randint(1, 4)):
        at = order.randrange(len(spoilt) + 1)
        match order.randrange(5):
            case 0:
                spoilt[at : at + 1] = order.randbytes(1)
            case 1:
                spoilt[at : at + 8] = struct.pack("<Q", order.choice((*_NUMBERS, *_TYPES)))
            case 2:
                del spoilt[at : at + order.randrange(1, 100)]
            case 3:
                spoilt[at:at] = order.randbytes(order.randrange(1, 40))
            case 4:
                del spoilt[at:]
            case _:
                spoilt[at : at + 1] = (
                    bytes([spoilt[at] ^ (1 << order.randrange(8))]) if (at < len(spoilt)) else b"\0"
                )
    return bytes(spoilt)


def shuffled(order: random.Random, records: list[bytes], others: list[bytes]) -> bytes:
    """Leave out, repeat, exchange, and change records of an archive that are right themselves."""
    mixed = list(records)
    for _ in range(order.randint(1, 3)):
        at = order.randrange(len(mixed) + 1)
        match order.randrange(5):
            case 0:
                del mixed[at : at + order.randint(1, 3)]
            case 1:
                mixed[at:at] = mixed[at : at + order.randint(1, 3)]
            case 2:
                mixed.insert(at, order.choice(others))
            case 3 if at < len(mixed):
                mixed[at] = damaged(order, mixed[at])
            case _:
                other = order.randrange(len(mixed) + 1)
                mixed[at : at + 1], mixed[other : other + 1] = (
                    mixed[other : other + 1],
                    mixed[at : at + 1],
                )
    return b"".join(mixed)


def made_up(order: random.Random) -> bytes:
    """Put records together whose types, sizes and bodies are random, but not too unlikely."""
    features = order.choice(_FEATURES)
    done = bytearray()
    for _ in range(order.randint(1, 12)):
        kind = RecordType(order.choice(_TYPES))
        least, most = LIMITS[kind]
        size = order.choice([least, least + order.randrange(60), min(most, 66_000)])
        body = order.randbytes(size)
        match kind:
            case RecordType.ENTRY:
                mode = order.choice([0o40755, 0o100644, 0o120777, 0o10644, 0o40777, 0o100666])
                body = struct.pack("<6Q", features, mode, 0, order.choice([0, 5]), 0, 0)
            case RecordType.PAYLOAD:
                body = body[: order.randrange(60)]
            case RecordType.GOODBYE:
                size = 24 * order.randint(1, 3)
                tail = struct.pack("<3Q", len(done), size + 16, 0x57446FA533702943)
                body = bytes(size - 24) + tail
            case _ if order.randrange(2):
                body = b"user.name\0value\0"[-order.randint(1, 16) :]
            case _:
                pass
        claimed = len(body) if order.randrange(20) else order.choice(_NUMBERS)
        done += struct.pack("<2Q", (HEADER_SIZE + claimed) % (1 << 64), kind) + body
    return bytes(done)


def tried(blocks: list[bytes]) -> Told | str:
    """Return what is in an archive, or why it is refused."""
    try:
        return outcome(blocks)
    except ArchiveFormatError as error:
        return str(error)


def fuzz(make: Callable[[random.Random], bytes]) -> tuple[int, int]:
    """Read what `make` makes for a while; returns how much was accepted, and how much refused."""
    order = random.Random(SEED)
    accepted = refused = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or accepted + refused < _FEWEST:
        data = make(order)
        told = tried([data])
        assert tried(in_blocks(order, data)) == told, data
        if isinstance(told, str):
            refused += 1
        else:
            accepted += 1
            assert again(data) == data
            told_of(told)
        if (accepted + refused) % 50 == 0:
            assert _taken(data, order) < _ROOM + 2 * len(data), data
    return accepted, refused


def _taken(data: bytes, order: random.Random) -> int:
    """Return the most bytes that reading `data` block by block takes at a time."""
    blocks = in_blocks(order, data)
    reader = TreeReader("it")
    tracemalloc.start()
    try:
        for block in blocks:
            for _ in reader.feed(block):
                pass
        reader.finish()
    except ArchiveFormatError:
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_damaged_bytes_are_refused_or_mean_something() -> None:
    whole = _whole()
    accepted, refused = fuzz(lambda order: damaged(order, order.choice(whole)))

    assert accepted > 0
    assert refused > accepted


def test_records_in_any_order_are_refused_or_mean_something() -> None:
    apart = [pieces(data) for data in _whole()]
    others = [record for records in apart for record in records]
    accepted, refused = fuzz(lambda order: shuffled(order, order.choice(apart), others))

    assert refused > accepted


def test_made_up_records_are_refused_or_mean_something() -> None:
    _, refused = fuzz(made_up)

    assert refused > 0
