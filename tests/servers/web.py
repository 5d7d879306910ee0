"""A web server over a directory whose answers are spoilt on the way, as a test says.

web = Web(directory, lambda request, right, turn: None if turn else Reply(503))
with scripted_server(otherwise=web) as server:
    ...  # each file is answered with 503 when it is asked for the first time
    assert web.asked["GET /0fac/0fac….cacnk"] == 2
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias
from urllib.parse import unquote

from tests.servers.scripted import Received, Reply

MISSING: Final = 404
CREATED: Final = 201

Spoil: TypeAlias = Callable[[Received, Reply, int], Reply | None]
"""Given a request, its right answer and how often the same was asked for before; None to let it
pass."""


def plainly(request: Received, right: Reply, turn: int) -> None:
    """Spoil nothing."""
    del request, right, turn


class Web:
    """Answers for the files below `root`: GET and HEAD read, PUT writes."""

    def __init__(self, root: Path, spoil: Spoil = plainly) -> None:
        self.root = root
        self.spoil = spoil
        self.asked: Counter[str] = Counter()
        """How often each was asked for, as `GET /path`."""
        self._lock = Lock()

    def __call__(self, request: Received) -> Reply:
        what = f"{request.method} {request.target}"
        with self._lock:
            turn = self.asked[what]
            self.asked[what] += 1
        spoilt = self.spoil(request, self._right(request), turn)
        return self._right(request, act=True) if spoilt is None else spoilt

    @property
    def repeated(self) -> int:
        """How many requests were not the first of their kind."""
        return sum(self.asked.values()) - len(self.asked)

    def read(self) -> set[str]:
        """Return the names of the files that were read."""
        return {what.rpartition("/")[2] for what in self.asked if what.startswith("GET ")}

    def _right(self, request: Received, *, act: bool = False) -> Reply:
        path = self.root / unquote(request.target).lstrip("/")
        if request.method == "PUT":
            if act:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(request.body)
            return Reply(CREATED)
        try:
            return Reply(body=path.read_bytes())
        except (FileNotFoundError, IsADirectoryError):
            return Reply(MISSING)
