"""How far a verification is: kept in a file, so that the next run goes on there."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from desync_jobs.errors import SourceError, UsageError
from desync_jobs.execute.findings import Finding
from desync_jobs.execute.published import publish_text, read_published

_SCHEMA: Final = "desync-run.verify-progress/1"
_LIMIT: Final = 1 << 30
_EVERY: Final = 1.0
"""Seconds from one time the file is written to the next."""
_SHARE: Final = 20
"""How much longer than the writing took that is at least."""

Settings = Mapping[str, Any]
"""What a verification is of: values of JSON."""


@dataclass(slots=True)
class Verification:
    """What was done by now, in the order of the chunks' IDs."""

    seed: int
    """Of the sample."""
    after: str = ""
    """The last chunk that is done: its ID and form (00 plain, 01 compressed), in hex."""
    chunks: int = 0
    """Chunk files that were read."""
    bytes: int = 0
    """Stored bytes of those."""
    examined: bool = False
    """Whether all are."""
    findings: list[Finding] = field(default_factory=list)


def read_verification(path: str, settings: Settings) -> Verification | None:
    """Return how far an earlier run with the same settings came; None where there is no file.

    `UsageError` where it is about something else, `SourceError` where it cannot be read.
    """
    data = read_published(path, _LIMIT)
    if data is None:
        return None
    try:
        of, found = _parsed(data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"{path}: is not the progress of a verification; remove it, or name another file"
        ) from error
    if of != settings:
        differing = sorted(key for key in settings if of.get(key) != settings[key])
        raise UsageError(
            f"{path}: is the progress of another verification, with another "
            f"{', '.join(differing)}; remove it, or name another file"
        )
    return found


def _parsed(data: bytes) -> tuple[dict[str, Any], Verification]:
    """Return the settings and how far they came; all kinds of errors where it is no such file."""
    document = json.loads(data)
    if document.pop("schema") != _SCHEMA or len(data) > _LIMIT:
        raise ValueError("another file, or too long")
    of = dict(document.pop("of"))
    findings = [Finding(**one) for one in document.pop("findings")]
    found = Verification(**document, findings=findings)
    bytes.fromhex(found.after)
    return of, found


class Keeper:
    """Writes a verification to a file now and then; `secure` is called before each time.

    Does nothing where there is no `path`.
    """

    def __init__(
        self,
        path: str | None,
        settings: Settings,
        verification: Verification,
        secure: Callable[[], None],
    ) -> None:
        self._path = path
        self._settings = settings
        self._verification = verification
        self._secure = secure
        self._next = time.monotonic() + _EVERY

    def tick(self) -> None:
        """Save where it is time."""
        if time.monotonic() >= self._next:
            self.save()

    def save(self) -> None:
        """Write the file; `TargetError` where it cannot be written."""
        if self._path is None:
            return
        began = time.monotonic()
        self._secure()
        document = {"schema": _SCHEMA, "of": self._settings, **asdict(self._verification)}
        publish_text(self._path, json.dumps(document, indent=1) + "\n")
        ended = time.monotonic()
        self._next = ended + max(_EVERY, _SHARE * (ended - began))

    def drop(self) -> None:
        """Remove the file: there is nothing to go on with."""
        if self._path is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._path)
