"""What of a directory tree has changed between two looks at it, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from desync_jobs.formats.catar.listing import escaped

_TOP: Final = "."
_TOLD: Final = 10
"""Changes of one tree that are told one by one."""


class Seen(Protocol):
    """A tree that was looked at, now or earlier."""

    @property
    def path(self) -> str:
        """Its top."""
        ...

    @property
    def digests(self) -> Mapping[str, str]:
        """As in `TreeSeen`."""
        ...


def tree_changes(saved: Seen, now: Seen) -> Iterator[str]:
    """Say what of a tree is not as it was, as far as both looks tell; nothing where all is."""
    every = list(_changes(_Look(saved.digests), _Look(now.digests)))
    yield from (f"tree {now.path}: {one}" for one in every[:_TOLD])
    if len(every) > _TOLD:
        yield f"tree {now.path}: and {len(every) - _TOLD:,} more"


class _Look:
    """What was seen of a tree, by directories again."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self.digests: dict[str, str] = {}
        self.below: dict[str, list[str]] = {}
        """By the path of a directory, those of what is in it."""
        self.whole: set[str] = set()
        """Directories that stand for all that is in them."""
        for text, digest in digests.items():
            path = text.removesuffix("/")
            self.digests[path] = digest
            if path != text:
                self.whole.add(path)
            if path != _TOP:
                self.below.setdefault(path.rpartition("/")[0] or _TOP, []).append(path)


def _changes(saved: _Look, now: _Look) -> Iterator[str]:
    """Yield changes in order; of a directory that of what is in it, where that is known."""
    waiting = _differing(saved, now, [_TOP])
    while waiting:
        path = waiting.pop()
        if path not in now.digests:
            yield f"{_named(path)} is gone"
        elif path not in saved.digests:
            yield f"{_named(path)} is new"
        elif path in saved.whole or path in now.whole:
            yield f"something in {'it' if path == _TOP else _named(path)} has changed"
        else:
            found = {*saved.below.get(path, ()), *now.below.get(path, ())}
            below = _differing(saved, now, found)
            waiting += below
            if not below:
                yield f"{_named(path)} has changed"


def _differing(saved: _Look, now: _Look, paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that are not alike, the last one first."""
    differing = (one for one in paths if saved.digests.get(one) != now.digests.get(one))
    return sorted(differing, key=_encoded, reverse=True)


def _named(path: str) -> str:
    return "its top" if path == _TOP else escaped(_encoded(path))


def _encoded(path: str) -> bytes:
    """Return a path as the file system has it."""
    return path.encode("utf-8", "surrogateescape")
