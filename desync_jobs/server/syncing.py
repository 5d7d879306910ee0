"""What clients were told is kept survives a power cut: one sync for all who wait for one.

A sync covers what was put before it began, so who comes while one is under way waits for the next.
However many clients put chunks at once, two syncs answer them all.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor


class Syncing:
    """Runs `sync` in `executor`, once at a time. To be used from one event loop."""

    def __init__(self, sync: Callable[[], None], executor: Executor) -> None:
        self._sync = sync
        self._executor = executor
        self._under_way: asyncio.Future[None] | None = None
        self._next: asyncio.Future[None] | None = None
        """The one that is promised to those who came since that began."""

    async def done(self) -> None:
        """Return when what was put before this call is on its disk; raises what `sync` does."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        promised = self._next
        if self._under_way is None:
            self._begin()
        # A client that goes away takes nobody else's sync with it.
        await asyncio.shield(promised)

    def _begin(self) -> None:
        self._under_way, self._next = self._next, None
        if self._under_way is not None:
            loop = asyncio.get_running_loop()
            loop.run_in_executor(self._executor, self._sync).add_done_callback(self._finish)

    def _finish(self, result: "asyncio.Future[None]") -> None:
        done, failed = self._under_way, result.exception()
        if done is not None and failed is None:
            done.set_result(None)
        elif done is not None and failed is not None:
            done.set_exception(failed)
            done.exception()  # its clients may have gone
        self._begin()
