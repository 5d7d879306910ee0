"""A chunk store behind casync's protocol."""

import weakref
from collections.abc import Sequence

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.formats.wire import ChunkAbsent, ChunkData
from desync_jobs.stores.base import Chunk, Fetched, Presence, StoredSize
from desync_jobs.stores.casync_ssh.pool import SessionPool
from desync_jobs.stores.casync_ssh.session import Session, SessionError
from desync_jobs.stores.counters import Counters, Counts, Waiting
from desync_jobs.stores.policy.hosts import Budget
from desync_jobs.stores.policy.retry import Attempts, Failure, Fault
from desync_jobs.stores.policy.values import Policy, Stopper
from desync_jobs.stores.reader import NotRead, RawChunk, Reader
from desync_jobs.stores.readonly import ReadOnly


class CasyncSshStore(ReadOnly):
    """A `ChunkStore`, to be read only, that asks `casync pull`, a batch in one request.

    What is there cannot be asked without sending it, so presence and sizes are unknown.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        reader: Reader,
        budget: Budget,
        policy: Policy,
        stopper: Stopper,
    ) -> None:
        self.name = name
        self._command = tuple(command)
        self._reader = reader
        self._budget = budget
        self._policy = policy
        self._stopper = stopper
        self._counters = Counters()
        self._pool = SessionPool(self._connected)
        weakref.finalize(self, self._pool.close)

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        if not ids:
            return []
        attempts = Attempts(self._policy, self._stopper)
        distinct = list(dict.fromkeys(ids))
        waiting = Waiting()
        with waiting:
            found = attempts.run(
                f"store {self.name}", lambda: self._exchanged(distinct), _failure_of
            )
        read = [found[chunk_id] for chunk_id in distinct]
        answers = dict(zip(distinct, self._reader.answers(self.name, read), strict=True))
        chunks = [answer for answer in answers.values() if isinstance(answer, Chunk)]
        self._counters.add(
            Counts(
                chunks=len(chunks),
                stored_bytes=sum(len(chunk.stored or b"") for chunk in chunks),
                requests=len(distinct),
                plain_bytes=sum(len(chunk.plain) for chunk in chunks),
                retries=attempts.retries,
                seconds=waiting.seconds,
            )
        )
        return [answers[chunk_id] for chunk_id in ids]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return [Presence.UNKNOWN] * len(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return [StoredSize(Presence.UNKNOWN, (self.name,))] * len(ids)

    def counts(self) -> dict[str, Counts]:
        return {self.name: self._counters.total()}

    def close(self) -> None:
        """End the sessions that are idle; a later fetch begins new ones."""
        self._pool.close()

    def _connected(self) -> Session:
        session = Session(self._command, self._policy, self._stopper)
        try:
            session.greet()
        except BaseException:
            session.close()
            raise
        return session

    def _exchanged(self, ids: Sequence[ChunkID]) -> dict[ChunkID, RawChunk | NotRead]:
        """Ask for `ids` in one session."""
        found: dict[ChunkID, RawChunk | NotRead] = {}
        with (
            self._budget.request(self._stopper, _failure_of),
            self._pool.borrowed(ids) as session,
        ):
            for answer in session.fetch(ids):
                found[answer.id] = self._raw(answer)
                if isinstance(answer, ChunkData):
                    # What is not read yet holds up the other side.
                    self._budget.pace(len(answer.data), self._stopper)
        return found

    def _raw(self, answer: ChunkData | ChunkAbsent) -> RawChunk | NotRead:
        if isinstance(answer, ChunkAbsent):
            return ChunkMissingError(answer.id, self.name)
        if len(answer.data) > self._reader.stored_limit:
            reason = f"it has {len(answer.data)} bytes, more than {self._reader.stored_limit}"
            return ChunkInvalidError(answer.id, self.name, reason)
        return RawChunk(answer.id, answer.compressed, answer.data)


def _failure_of(error: Exception) -> Failure:
    """Return what a broken session means: the next one may do."""
    if isinstance(error, SessionError):
        return Failure(str(error), Fault.TRANSIENT)
    raise error
