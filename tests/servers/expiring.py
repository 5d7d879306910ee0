"""An S3 server whose keys expire: it stands before another one, and lets each key in for a while.

What a key is good for is a number of requests, so that no test waits; or a time, for those who want
to see that too.
"""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.s3_places import S3Server

_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>ExpiredToken</Code>'
    b"<Message>The provided token has expired.</Message></Error>"
)
_EVERY = 16
_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class ExpiringKeys:
    """How long keys last, and what was seen of them."""

    requests: int
    """How many requests a key is good for."""
    seconds: float = 3600.0
    """How long it is good for after its first."""
    watch: Callable[[], None] = lambda: None
    """Called now and then while requests are answered."""
    used: Counter[str] = field(default_factory=Counter)
    first: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def lets_in(self, authorization: str) -> bool:
        """Count a request with this header, and say whether its key is good."""
        key = authorization.partition("Credential=")[2].partition("/")[0]
        with self.lock:
            self.used[key] += 1
            begun = self.first.setdefault(key, time.monotonic())
            good = self.used[key] <= self.requests and time.monotonic() - begun < self.seconds
            self.refused += not good
            return good


@contextmanager
def expiring(server: S3Server, keys: ExpiringKeys) -> Iterator[S3Server]:
    """Serve what `server` has, to those whose key has not expired."""
    host, _, port = server.url.rpartition("//")[2].partition(":")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not sum(keys.used.values()) % _EVERY:
                keys.watch()
            if not keys.lets_in(self.headers.get("Authorization", "")):
                self._answer(400, [("Content-Type", "application/xml")], _EXPIRED)
                return
            connection = http.client.HTTPConnection(host, int(port), timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            data = answer.read()
            headers = [one for one in answer.getheaders() if one[0].lower() not in _BY_HOP]
            self._answer(answer.status, headers, data, answer.getheader("Content-Length"))
            connection.close()

        def _answer(
            self,
            status: int,
            headers: list[tuple[str, str]],
            data: bytes,
            length: str | None = None,
        ) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _any  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    front = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=front.serve_forever)
    thread.start()
    try:
        yield S3Server(f"http://127.0.0.1:{front.server_address[1]}", server.bucket)
    finally:
        front.shutdown()
        thread.join()
        front.server_close()
