"""Nodes as lines of text: the lists and mtrees of casync, and the mtrees of desync."""

import stat
from typing import Final

from desync_jobs.formats.catar.features import TIMES
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.records import Device, Entry, Payload, Symlink
from desync_jobs.formats.flags import FeatureFlags, flags_algorithm

DESYNC_MTREE_BEGINNING: Final = "#mtree v1.0"
"""The first line of a desync mtree; one of casync has no such line."""

_F = FeatureFlags
_SECOND: Final = 1_000_000_000
_NUMBERS: Final = 1 << 64
_ESCAPED: Final = (*range(0x21), 0x23, 0x5C, *range(0x7F, 0x100))
_ESCAPES: Final = {code: f"\\{code:03o}" for code in _ESCAPED}
# Plain numbers: each node is asked about all of them, and flags cost 20 times as much.
_FLAG_WORDS: Final = (
    (int(_F.FAT_HIDDEN), "hidden"),
    (int(_F.FAT_SYSTEM), "system"),
    (int(_F.FAT_ARCHIVE), "archive"),
    (int(_F.ATTRIBUTE_APPEND), "sappend"),
    (int(_F.ATTRIBUTE_NODUMP), "nodump"),
    (int(_F.ATTRIBUTE_IMMUTABLE), "simmutable"),
)
_ANY_IDS: Final = int(_F.USER_IDS_16BIT | _F.USER_IDS_32BIT)
_USER_NAMES: Final = int(_F.USER_NAMES)
_TIMES: Final = int(TIMES)


def escaped(text: bytes) -> str:
    """Return a path or target as an mtree has it: in one word of printable ASCII."""
    return text.decode("latin-1").translate(_ESCAPES)


def list_line(path: bytes, node: Node) -> str:
    """Return the line that `casync list` prints, without its end: `t` is for directories only."""
    mode = node.entry.mode
    shown = mode if node.kind is NodeKind.DIRECTORY else mode & ~stat.S_ISVTX
    return f"{stat.filemode(shown)} {escaped(path)}"


def mtree_line(path: bytes, node: Node, digest: str | None) -> str:
    """Return the line that `casync mtree` prints, without its end; `digest` is of a file's content.

    casync prints times as it stores them, without a sign, and gives what has no attributes
    of files each of them.
    """
    entry = node.entry
    words = [escaped(path), f"type={node.kind.value}", f"mode={stat.S_IMODE(entry.mode):04o}"]
    match node.body:
        case Payload(size):
            words.append(f"size={size}")
        case Symlink(target):
            words.append(f"link={escaped(target)}")
        case Device(major, minor):
            words.append(f"device=linux,{major},{minor}")
        case None:
            pass
    words += _owners(node)
    words += _flags(node)
    if entry.feature_flags & _TIMES:
        seconds, nanoseconds = divmod(entry.mtime_ns % _NUMBERS, _SECOND)
        words.append(f"time={seconds}.{nanoseconds:09}")
    if digest is not None:
        words.append(f"{_digest_word(entry)}={digest}")
    return " ".join(words)


def desync_mtree_line(path: bytes, node: Node, digest: str | None) -> str:
    """Return a line as `desync mtree` prints it, without its end.

    Unlike desync's: nanoseconds always have nine digits, character devices are not called
    block devices, the mode has all its bits, and there are FIFOs and sockets.
    """
    entry = node.entry
    words = [escaped(path), f"type={node.kind.value}", f"mode={stat.S_IMODE(entry.mode):04o}"]
    if isinstance(node.body, Symlink):
        words.append(f"target={escaped(node.body.target)}")
    words += [f"uid={entry.uid}", f"gid={entry.gid}"]
    if isinstance(node.body, Payload):
        words.append(f"size={node.body.size}")
    seconds, nanoseconds = divmod(entry.mtime_ns, _SECOND)
    words.append(f"time={seconds}.{nanoseconds:09}")
    if digest is not None:
        words.append(f"{_digest_word(entry)}={digest}")
    return " ".join(words)


def _owners(node: Node) -> list[str]:
    entry, words = node.entry, []
    if entry.feature_flags & _ANY_IDS:
        words += [f"uid={entry.uid}", f"gid={entry.gid}"]
    if entry.feature_flags & _USER_NAMES:
        # No archive tells the name of root.
        user = node.user.name if node.user else b"" if entry.uid else b"root"
        group = node.group.name if node.group else b"" if entry.gid else b"root"
        words += [f"uname={user.decode()}"] if user else []
        words += [f"gname={group.decode()}"] if group else []
    return words


def _flags(node: Node) -> list[str]:
    entry = node.entry
    marked = node.kind in (NodeKind.DIRECTORY, NodeKind.FILE)
    words = [
        word if entry.flags & flag or not marked else f"no{word}"
        for flag, word in _FLAG_WORDS
        if entry.feature_flags & flag
    ]
    return ["flags=" + ",".join(words)] if words else []


def _digest_word(entry: Entry) -> str:
    return flags_algorithm(entry.feature_flags).value.replace("-", "") + "digest"
