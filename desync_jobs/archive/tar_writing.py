"""An archive, as its nodes come → a tar stream: memory does not grow with files or the tree."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from desync_jobs.archive.tar_fields import MemberFields
from desync_jobs.archive.unkept import Unkept
from desync_jobs.archive.wanted import Choice
from desync_jobs.formats.catar.reading import Closed, Event, Opened
from desync_jobs.formats.catar.records import Payload
from desync_jobs.formats.tar.writing import END, TarFormat, headers, padding

Bytes: TypeAlias = bytes | memoryview

_BLOCK: Final = 1 << 18
"""Bytes that are gathered before they are written."""
_LARGE: Final = 1 << 14
"""A piece of so many bytes is written at once."""


class TarWriter:
    """Writes one stream, of what `choice` leaves of an archive."""

    def __init__(self, write: Callable[[Bytes], None], form: TarFormat, choice: Choice) -> None:
        self.entries = 0
        """Members so far."""
        self.left_out = 0
        """Nodes of kinds that the choice leaves out."""
        self.unkept = Unkept(f"a tar stream of the format {form.value}")
        """What such a stream cannot hold."""
        self._write = write
        self._form = form
        self._choice = choice
        self._gathered: list[bytes] = []
        self._waiting = 0

    def write(self, events: Iterable[Event]) -> None:
        """Write everything; raises whatever `events` raise."""
        fields: MemberFields | None = None
        for event in events:
            if isinstance(event, memoryview):
                self._put(event)
            elif isinstance(event, Opened):
                if fields is None:
                    features = self._choice.of(event.node.entry.feature_flags)
                    fields = MemberFields(features, self._form, self.unkept)
                self._begin(event, fields)
            elif isinstance(event, Closed) and isinstance(event.node.body, Payload):
                self._put(padding(event.node.body.size))
        self._put(END)
        self._flush()

    def _begin(self, opened: Opened, fields: MemberFields) -> None:
        if fields.leaves_out(opened.node):
            self.left_out += 1
            return
        found = fields.of(opened)
        if found is not None:
            self.entries += 1
            self._put(headers(found, self._form))

    def _put(self, data: Bytes) -> None:
        if len(data) >= _LARGE:
            self._flush()
            self._write(data)
            return
        # A piece of an archive is valid only until the next one.
        self._gathered.append(bytes(data))
        self._waiting += len(data)
        if self._waiting >= _BLOCK:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            self._write(b"".join(self._gathered))
            self._gathered.clear()
            self._waiting = 0
