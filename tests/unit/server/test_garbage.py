import asyncio
import gc

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.server.garbage import collected_seldom


def test_the_collector_is_as_before_afterwards() -> None:
    gc.unfreeze()  # what an earlier test has frozen
    before = gc.get_threshold(), gc.get_freeze_count()
    with collected_seldom():
        inside = gc.get_threshold(), gc.get_freeze_count()

    assert inside[0][0] > before[0][0]
    assert inside[1] > 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_a_request_leaves_no_garbage_that_only_the_collector_would_find() -> None:
    async def answer(_: BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 1000)

    async def asked() -> int:
        listener = await asyncio.get_running_loop().create_server(
            web.Server(answer, access_log=None), "127.0.0.1", 0
        )
        host, port = listener.sockets[0].getsockname()
        reading, writing = await asyncio.open_connection(host, port)
        found = []
        for _ in range(2):
            gc.collect()
            for _ in range(50):
                writing.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await reading.readuntil(b"\r\n\r\n")
                await reading.readexactly(1000)
            found.append(gc.collect())
        writing.close()
        await writing.wait_closed()
        listener.close()
        return found[1]

    gc.disable()
    try:
        assert asyncio.run(asked()) < 50
    finally:
        gc.enable()
