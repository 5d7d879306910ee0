"""Objects in an S3 bucket, through obstore's blocking calls in threads of ours.

Never its asynchronous ones, which can abort the interpreter at its end. An object is put whole and
appears whole; what was there is replaced. A name is a key below the prefix of the place.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.objects.calls import Calls, Doing
from desync_jobs.stores.objects.s3_failures import S3_ERRORS, refusal_of
from desync_jobs.stores.objects.s3_session import Session
from desync_jobs.stores.policy.hosts import Moved
from desync_jobs.stores.policy.limits import Bodies

T = TypeVar("T")

_RENEWALS: Final = 4
"""How often keys are renewed for one request."""
_PAGE: Final = 1000
"""Keys that S3 lists at a time."""


class S3Place:
    """An `ObjectPlace` in a bucket, below a prefix, which has no slash at its ends."""

    capabilities = frozenset(Capability)

    def __init__(self, name: str, url: str, prefix: str, session: Session, calls: Calls) -> None:
        """`url` is what errors show before a name."""
        self.name = name
        self._url = url.rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._session = session
        self._calls = calls

    def look_up_secrets(self) -> None:
        """Look up the keys, for one who may not find them later."""
        self._session.current()

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        def read(client: S3Store, name: str, moved: Moved) -> bytes | TooLarge | None:
            try:
                answer = obstore.get(client, self._key(name))
            except FileNotFoundError as error:
                _check_missing(error)
                return None
            size = answer.meta["size"]
            if size > limit:
                return TooLarge(size)
            moved.size = size
            return answer.bytes().to_bytes()

        doing = self._doing("read", read, limit, lambda _: Bodies(most=limit))
        return self._calls.each(doing, names)

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        def look(client: S3Store, name: str, _: Moved) -> int | None:
            try:
                return obstore.head(client, self._key(name))["size"]
            except FileNotFoundError as error:
                _check_missing(error)
                return None

        return self._calls.each(self._doing("look for", look), names)

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        by_name = dict(objects)

        def write(client: S3Store, name: str, moved: Moved) -> None:
            data = by_name[name]
            moved.size = len(data)
            attributes: Any = {"Content-Type": content_type}
            obstore.put(client, self._key(name), data, attributes=attributes, use_multipart=False)

        largest = max(map(len, by_name.values()), default=0)
        doing = self._doing("write", write, largest, lambda name: Bodies(len(by_name[name])))
        self._calls.each(doing, list(by_name))

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        attributes: Any = {"Content-Type": content_type}

        def write(client: S3Store, name: str, moved: Moved) -> bool:
            moved.size = len(data)
            key = self._key(name)
            try:
                obstore.put(client, key, data, attributes=attributes, mode="create")
            except AlreadyExistsError:
                return False
            return True

        doing = self._doing("create", write, len(data), lambda _: Bodies(len(data)))
        return self._calls.each(doing, [name])[0]

    def delete(self, names: Sequence[str]) -> None:
        def remove(client: S3Store, name: str, _: Moved) -> None:
            try:
                obstore.delete(client, self._key(name))
            except FileNotFoundError as error:
                _check_missing(error)

        self._calls.each(self._doing("remove", remove), names)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        begin = self._prefix + prefix
        for entry in self._listed(_Listing(begin.rpartition("/")[0]), prefix):
            if entry.name.startswith(prefix):
                yield entry

    def entries_between(self, first: str, last: str) -> Iterator[ObjectEntry]:
        listing = _Listing(self._prefix.rpartition("/")[0], self._prefix + first)
        return takewhile(lambda entry: entry.name < last, self._listed(listing, ""))

    def _listed(self, listing: "_Listing", called: str) -> Iterator[ObjectEntry]:
        """Yield what is below the place; errors show what it is called."""
        doing = self._doing("list", lambda client, _, __: listing.page(client))
        while (page := self._calls.each(doing, [called])[0]) is not None:
            for one in page:
                if one["path"].startswith(self._prefix):
                    yield ObjectEntry(
                        one["path"][len(self._prefix) :],
                        one["size"],
                        one["last_modified"].timestamp(),
                    )

    def traffic(self) -> Traffic:
        return self._calls.traffic()

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _doing(
        self,
        verb: str,
        call: Callable[[S3Store, str, Moved], T],
        size: int = 0,
        bodies: Callable[[str], Bodies] = lambda _: Bodies(),
    ) -> Doing[str, T]:
        """Return how `call` is made: again where another key or region may be answered.

        A key that is new may have expired too before its turn comes, so not only once.
        """

        def renewing(name: str, moved: Moved) -> T:
            for _ in range(_RENEWALS):
                generation, client = self._session.current(size)
                try:
                    return call(client, name, moved)
                except S3_ERRORS as error:
                    refusal = refusal_of(error)
                    if refusal is None or not refusal.doubts_us:
                        raise
                    if not self._session.renew(generation, refusal):
                        raise
                self._calls.count(requests=1, retries=1)
            return call(self._session.current(size)[1], name, moved)

        return Doing(verb, renewing, lambda name: f"{self._url}/{name}", bodies)


class _Listing:
    """Pages of keys below a prefix, from behind the key `after` on if that is given.

    After a failure it goes on behind the last one it gave.
    """

    def __init__(self, prefix: str, after: str | None = None) -> None:
        self._prefix = prefix or None
        self._last = after
        self._stream: Any = None

    def page(self, client: S3Store) -> Sequence[Any] | None:
        """Return the next page; None at the end."""
        if self._stream is None:
            self._stream = obstore.list(client, self._prefix, offset=self._last, chunk_size=_PAGE)
        try:
            page: Sequence[Any] | None = next(self._stream, None)
        except BaseException:
            self._stream = None
            raise
        if page:
            self._last = page[-1]["path"]
        return page


def _check_missing(error: FileNotFoundError) -> None:
    """Return where an object is missing; where it is the bucket, that is an error."""
    refusal = refusal_of(error)
    if refusal is not None and not refusal.missing:
        raise error
