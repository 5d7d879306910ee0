"""A failover group: stores with the same content, of which any that is well will do.

A request asks the first member that is well. A failure takes the member out for a while and
the request on to the next one, so that each member is asked once before any is asked
again; when all failed, the request is repeated as the policy says. A damaged chunk is looked for in
the other members too, without taking anybody out. What a member does not have is missing
at once (`final`, as for desync), or looked for in the others (`next`): then it is missing
only where every member says so, because one that failed may have it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts, sum_counts
from desync_jobs.stores.health import Health
from desync_jobs.stores.policy.retry import Attempts, Failure, Fault, GiveUp
from desync_jobs.stores.policy.values import DEFAULT_POLICY, Policy, Stopper


class Missing(Enum):
    """What it means that one member does not have a chunk; the value is its name in manifests."""

    FINAL = "final"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class GroupRules:
    """How a group deals with what its members answer."""

    missing: Missing = Missing.NEXT
    fail_back: float = 30.0
    """Seconds for which a member that failed is left alone."""
    policy: Policy = DEFAULT_POLICY
    """How often all members are asked, and how long to wait in between."""


class FailoverGroup:
    """A `ChunkSource` over `members` in the order of preference.

    `notice` is told, in words, who is out and who is back.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[ChunkSource],
        rules: GroupRules,
        stopper: Stopper,
        notice: Callable[[str], None],
    ) -> None:
        self.name = name
        self._members = tuple(members)
        self._health = Health(len(self._members), rules.fail_back)
        self._missing = rules.missing
        self._policy = rules.policy
        self._stopper = stopper
        self._notice = notice

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        answers: list[Fetched | None] = [None] * len(ids)

        def ask(member: ChunkSource) -> bool:
            wanted = [at for at, answer in enumerate(answers) if not self._settled(answer)]
            fetched = member.fetch([ids[at] for at in wanted])
            for at, answer in zip(wanted, fetched, strict=True):
                answers[at] = _better(answers[at], answer)
            return all(self._settled(answer) for answer in answers)

        self._ask_members(ask)
        return [
            ChunkMissingError(chunk_id, self.name)
            if answer is None or isinstance(answer, ChunkMissingError)
            else answer
            for chunk_id, answer in zip(ids, answers, strict=True)
        ]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        answers: list[Presence | None] = [None] * len(ids)

        def ask(member: ChunkSource) -> bool:
            wanted = [at for at, answer in enumerate(answers) if not self._known(answer)]
            found = member.presence([ids[at] for at in wanted])
            for at, answer in zip(wanted, found, strict=True):
                if answer is Presence.YES or answers[at] is not Presence.UNKNOWN:
                    answers[at] = answer
            return all(self._known(answer) for answer in answers)

        self._ask_members(ask)
        return [Presence.UNKNOWN if answer is None else answer for answer in answers]

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        answers: list[StoredSize | None] = [None] * len(ids)

        def ask(member: ChunkSource) -> bool:
            wanted = [
                at
                for at, answer in enumerate(answers)
                if answer is None or not self._known(answer.presence)
            ]
            found = member.stored_sizes([ids[at] for at in wanted])
            for at, answer in zip(wanted, found, strict=True):
                answers[at] = _after(answers[at], answer)
            return all(answer is not None and self._known(answer.presence) for answer in answers)

        self._ask_members(ask)
        return [answer or StoredSize(Presence.UNKNOWN, ()) for answer in answers]

    def counts(self) -> dict[str, Counts]:
        return sum_counts(member.counts() for member in self._members)

    def _settled(self, answer: Fetched | None) -> bool:
        """Tell whether no other member is asked for this chunk."""
        if isinstance(answer, ChunkMissingError):
            return self._missing is Missing.FINAL
        return isinstance(answer, Chunk)

    def _known(self, answer: Presence | None) -> bool:
        if answer is Presence.NO:
            return self._missing is Missing.FINAL
        return answer is Presence.YES

    def _ask_members(self, ask: Callable[[ChunkSource], bool]) -> None:
        """Call `ask` with members until it is content, or each of them was asked without failing.

        Raises the last `StoreError` where, in every attempt, a member that failed was needed.
        """
        answered: set[int] = set()
        attempts, attempt = Attempts(self._policy, self._stopper), 1
        while (problem := self._ask_each(ask, answered)) is not None:
            wait = attempts.next_wait(Failure(str(problem), Fault.TRANSIENT), attempt)
            if isinstance(wait, GiveUp):
                raise StoreError(f"failover group {self.name}: {problem}") from problem
            self._stopper.pause(wait)
            attempt += 1

    def _ask_each(
        self, ask: Callable[[ChunkSource], bool], answered: set[int]
    ) -> StoreError | None:
        """Do that once, and add to `answered`; returns the last failure that was not made good."""
        self._stopper.check()
        problem = None
        for number in self._health.candidates():
            if number in answered:
                continue
            try:
                content = ask(self._members[number])
            except StoreError as error:
                self._out(number, error)
                problem = error
                continue
            self._back(number)
            answered.add(number)
            if content:
                return None
        return problem

    def _out(self, number: int, error: StoreError) -> None:
        if self._health.failed(number):
            self._notice(f"failover group {self.name}: {error}; the other members are asked")

    def _back(self, number: int) -> None:
        if self._health.succeeded(number):
            name = self._members[number].name
            self._notice(f"failover group {self.name}: {name} answers again")


def _better(old: Fetched | None, new: Fetched) -> Fetched:
    """Return the answer that tells more: a chunk, then why a copy is damaged, then missing."""
    if old is None or isinstance(new, Chunk):
        return new
    return new if isinstance(old, ChunkMissingError) else old


def _after(old: StoredSize | None, new: StoredSize) -> StoredSize:
    """Return what is known once another member was asked too."""
    if old is None:
        return new
    unknown = Presence.UNKNOWN in (old.presence, new.presence) and new.presence is Presence.NO
    presence = Presence.UNKNOWN if unknown else new.presence
    return StoredSize(presence, old.asked + new.asked, new.size, new.form)
