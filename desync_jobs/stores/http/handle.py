"""One curl handle: kept for requests of one method, and their bodies bounded."""

from typing import Any, Final

import pycurl

from desync_jobs.stores.http.failures import transfer_failure
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.http.options import Setup
from desync_jobs.stores.policy.retry import Failure

_ERRORS_FROM: Final = 400
_ABORT: Final = 0
_FOLLOWED: Final = ("GET", "HEAD")


class Handle:
    """A curl handle with the body it is receiving.

    Handles are used again for the same kind of request, so that only what differs is set. Other
    redirects than of reading are not followed: libcurl would turn some writes into a GET.
    """

    def __init__(self, setup: Setup, method: str, *, keep_headers: bool) -> None:
        self.curl: Any = pycurl.Curl()
        self._setup = setup
        self._parts: list[bytes] = []
        self._size = 0
        self._sent = 0
        self._limit = -1
        self._timed = -1
        self._fresh = False
        self._headers: dict[str, str] = {}
        self._lines: tuple[str, ...] | None = None
        setup.prepare(self.curl)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._write)
        if keep_headers:
            self.curl.setopt(pycurl.HEADERFUNCTION, self._header)
        self.curl.setopt(pycurl.FOLLOWLOCATION, int(method in _FOLLOWED))
        if method == "HEAD":
            self.curl.setopt(pycurl.NOBODY, 1)
        elif method != "GET":
            self.curl.setopt(pycurl.CUSTOMREQUEST, method)

    def begin(self, request: Request, lines: tuple[str, ...], *, fresh: bool = False) -> None:
        """Prepare for `request`; `lines` are all header lines to send.

        A `fresh` one does not use a connection that is there already.
        """
        curl = self.curl
        self._size = 0
        self._limit = request.limit
        self._headers = {}
        curl.setopt(pycurl.URL, request.url)
        if fresh != self._fresh:
            curl.setopt(pycurl.FRESH_CONNECT, int(fresh))
            self._fresh = fresh
        if lines != self._lines:
            curl.setopt(pycurl.HTTPHEADER, list(lines))
            self._lines = lines
        self._sent = 0
        if request.body is not None:
            self._sent = len(request.body)
            curl.setopt(pycurl.POSTFIELDS, request.body)
        longest = max(request.limit, self._sent)
        if longest != self._timed:
            self._setup.limit_time(curl, longest)
            self._timed = longest

    def forget(self) -> None:
        """Let go of bodies, which may be large, until the next request."""
        self._parts = []
        if self._sent:
            self.curl.setopt(pycurl.POSTFIELDS, b"")

    @property
    def moved(self) -> int:
        """How many bytes of bodies the request moved."""
        return self._size + self._sent

    def response(self) -> Response:
        """Return what came back once libcurl has said that it is whole."""
        return self._response(cut=False)

    def failed(self, code: int, message: str) -> Response | Failure:
        """Return what an error code means: a body over the limit is a response all the same."""
        if code == pycurl.E_WRITE_ERROR and self._size > self._limit:
            return self._response(cut=True)
        return transfer_failure(code, message or self.curl.errstr())

    def _response(self, *, cut: bool) -> Response:
        curl = self.curl
        status: int = curl.getinfo(pycurl.RESPONSE_CODE)
        length: int = curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T)
        retry_after, redirected = None, False
        if status >= _ERRORS_FROM:
            retry_after = float(curl.getinfo(pycurl.RETRY_AFTER)) or None
            redirected = curl.getinfo(pycurl.REDIRECT_COUNT) > 0
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        known = None if length < 0 else length
        return Response(status, body, known, cut, retry_after, self._headers, redirected)

    def _write(self, data: bytes) -> int | None:
        self._size += len(data)
        if self._size > self._limit:
            return _ABORT
        self._parts.append(data)
        return None

    def _header(self, line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            key = name.strip().lower()
            before = self._headers.get(key)
            self._headers[key] = value.strip() if before is None else f"{before}, {value.strip()}"
        elif line.startswith(b"HTTP/"):
            self._headers = {}  # of the response after a redirect
