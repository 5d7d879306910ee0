"""`python -m bench.delay PORT MILLISECONDS`: a server as if it were further away.

Prints the port it listens on. Every byte to and from the server on PORT arrives half of the round
trip later than it was sent, and in order; there is no limit on how many are under way.
Opening a connection takes no time, which is a round trip less than it would be.
"""

import asyncio
import sys
from collections import deque
from contextlib import suppress

_BLOCK = 1 << 18


class _Line:
    """One direction of one connection."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._under_way: deque[bytes] = deque()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes until one end is closed; what is under way still arrives."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await reader.read(_BLOCK):
                self._under_way.append(data)
                loop.call_later(self._delay, self._arrive, writer)
        loop.call_later(self._delay, writer.close)

    def _arrive(self, writer: asyncio.StreamWriter) -> None:
        data = self._under_way.popleft()
        if not writer.is_closing():
            writer.write(data)


async def _serve(port: int, delay: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port, limit=_BLOCK)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_Line(delay).carry(reader, back), _Line(delay).carry(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=_BLOCK, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
