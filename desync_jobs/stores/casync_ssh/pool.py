"""Sessions kept between batches, made as they are needed; one that broke is never used again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.casync_ssh.session import Session


class SessionPool:
    """Idle sessions. How many there are follows from how many are borrowed at a time."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._lock = Lock()
        self._idle: list[Session] = []

    @contextmanager
    def borrowed(self, ids: Sequence[ChunkID]) -> Iterator[Session]:
        """Lend a session that can serve `ids`; it is closed where the block ends with any error.

        Raises `SessionError` where none can be made.
        """
        session = self._taken(ids) or self._connect()
        try:
            yield session
        except BaseException:
            session.close()
            raise
        with self._lock:
            self._idle.append(session)

    def _taken(self, ids: Sequence[ChunkID]) -> Session | None:
        """Take an idle session for `ids`; where none of those there can serve, close one."""
        with self._lock:
            for at, session in enumerate(self._idle):
                if session.can_serve(ids):
                    return self._idle.pop(at)
            used_up = self._idle.pop() if self._idle else None
        if used_up is not None:
            used_up.close()
        return None

    def close(self) -> None:
        """Close every idle session."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()
