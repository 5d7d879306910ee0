"""Events as NDJSON: one line an event, for programs that watch a run.

Every line is a JSON object with `event`, the kebab-case name of the event's
class, `time`, seconds since the reporter was made, and the event's fields.
The first line also carries `schema` and `wall_time`, the UTC time in ISO 8601
at which `time` was zero.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import BinaryIO

from desync_jobs.report.events import SCHEMA, Event
from desync_jobs.report.whole import write_whole


def event_name(event_class: type[Event]) -> str:
    """Name of an event in kebab case: `PhaseStarted` gives `phase-started`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", event_class.__name__).lower()


class JsonLinesReporter:
    """Writes every event to a binary stream at once.

    A stream that cannot be written to must not stop the run: the first
    failure is told to `complain`, in one sentence, and what follows is dropped.
    Who makes the reporter keeps the stream and closes it.
    """

    def __init__(self, stream: BinaryIO, name: str, complain: Callable[[str], None]) -> None:
        self._stream = stream
        self._name = name
        self._complain = complain
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._first = {
            "schema": SCHEMA,
            "wall_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        self._broken = False

    def emit(self, event: Event) -> None:
        """Write `event` as one line and flush it."""
        with self._lock:
            if self._broken:
                return
            # The time is taken under the lock, so that it never goes back from line to line.
            line = self._line(event, time.monotonic() - self._start)
            self._write(line)

    def close(self) -> None:
        """Have nothing left: every line was flushed."""

    def _line(self, event: Event, seconds: float) -> bytes:
        content: dict[str, object] = {"event": event_name(type(event)), "time": round(seconds, 6)}
        content |= self._first
        self._first = {}
        content |= {field.name: getattr(event, field.name) for field in fields(event)}
        text = json.dumps(content, ensure_ascii=False, default=_plain)
        # A file name that is not UTF-8 reaches Python with lone surrogates, which have no UTF-8.
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def _write(self, line: bytes) -> None:
        try:
            write_whole(self._stream, line)
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self._broken = True
            self._complain(f"events can no longer be written to {self._name}: {error}")


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it knows."""
    return dict(value) if isinstance(value, Mapping) else str(value)
