"""What every request meets first: authorization, health, metrics, the log, and errors as answers.

`/healthz` is answered without authorization, because who watches servers has none; everything
else is refused before anything is looked at. Of what a store could not do clients learn nothing;
the details go to `report`.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import DesyncRunError
from desync_jobs.server.access_log import AccessLog
from desync_jobs.server.answers import RefusedError, text
from desync_jobs.server.authorization import Authorization
from desync_jobs.server.complaints import Complaints
from desync_jobs.server.metrics import Metrics
from desync_jobs.server.paths import PathError

_HEALTH: Final = "/healthz"
_METRICS: Final = "/metrics"
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class App(Protocol):
    """What answers requests that were let in."""

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """Answer; raises `RefusedError` or `PathError` for clients, other errors for the log."""
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """An app, and who may ask it."""

    app: App
    authorization: Authorization


class Front:
    """Answers every request, whatever happens; `admission` is exchanged while it is used."""

    def __init__(
        self,
        admission: Admission,
        metrics: Metrics,
        report: Callable[[str], None],
        log: AccessLog | None = None,
    ) -> None:
        self.admission = admission
        self.draining = False
        """Whether every connection is closed after its next answer."""
        self.busy: set[object] = set()
        """Connections whose requests are being answered."""
        self.log = log
        self._metrics = metrics
        self._complaints = Complaints(report)

    async def handle(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        began = time.perf_counter()
        connection = request.protocol
        self.busy.add(connection)
        self._metrics.add("requests_in_flight")
        try:
            response = await self._answer(request)
        finally:
            self.busy.discard(connection)
            self._metrics.add("requests_in_flight", -1)
        if self.draining:
            response.force_close()
        seconds = time.perf_counter() - began
        self._metrics.answered(request.method, response.status, seconds)
        size = 0 if request.method == "HEAD" else response.content_length or 0
        self._metrics.add("sent_bytes", size)
        if self.log is not None:
            self.log.write(
                request.remote or "-",
                request.method,
                request.raw_path,
                response.status,
                size,
                seconds,
            )
        return response

    async def _answer(self, request: BaseRequest) -> web.StreamResponse:
        try:
            return await self._admitted(request)
        except PathError as error:
            return text(400, str(error))
        except RefusedError as error:
            return text(error.status, str(error), error.headers)
        except DesyncRunError as error:
            self._complaints.make(f"{request.method} {request.raw_path}", str(error))
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            self._complaints.make(f"{request.method} {request.raw_path}", str(error.strerror))
        except Exception as error:  # noqa: BLE001 - one request must not end the server
            lines = "".join(traceback.format_exception(error))
            self._complaints.make("a defect, please report it", f"{request.method}: {lines}")
        self._metrics.add("failures")
        return text(500, "internal server error")

    async def _admitted(self, request: BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path == _HEALTH:
            return self._health(request)
        admission = self.admission
        if not admission.authorization.admits(request.headers):
            return text(401, "Unauthorized")
        if path == _METRICS and request.method in ("GET", "HEAD"):
            headers = {"Content-Type": _PROMETHEUS, "Cache-Control": "no-store"}
            return web.Response(body=self._metrics.text().encode(), headers=headers)
        return await admission.app.answer(request)

    def _health(self, request: BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return text(405, "only GET and HEAD are supported", {"Allow": "GET, HEAD"})
        return text(503, "draining") if self.draining else text(200, "ok")
